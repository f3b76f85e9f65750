// Wrong or strange lines, in every tool that reads stdin: their outcome, that of the lines around them, and the
// status.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { badLineCase, cutStreamCase } from '../support/faults-bad-case.ts';
import { badInputs } from '../support/faults-bad-rows.ts';
import { watchedPlace } from '../support/faults-canary.ts';
import { isLong } from '../support/faults-random.ts';
import { matrix } from '../support/faults-table.ts';

const place = await watchedPlace('faults-input', { seed: 17, policies: 8, hosts: 30, controls: 2 });
after(() => place.close());
const { world } = place.simulator;
const policies = world
  .policyIds('active')
  .map((id) => ({ id, hostId: world.hostIds(id)[0] }))
  .filter((policy): policy is { id: string; hostId: string } => policy.hostId !== undefined)
  .slice(0, 3);
assert.equal(policies.length, 3, 'the world has three policies with hosts');
const { stdout: session } = await place.bash('pcrs-auth');
const inputs = badInputs(policies);

matrix(
  'bad input: status',
  inputs.map(({ tool }) => tool),
  inputs.flatMap((input, shift) => [
    ...input.lines
      .filter((_, index) => isLong || (index + shift) % 3 === 0)
      .map((bad) => ({
        ...{ row: bad.name, column: input.tool, slow: false },
        run: () => badLineCase(place, input, bad, session.trimEnd()),
      })),
    {
      ...{ row: 'a last line without an end; cut', column: input.tool, slow: false },
      run: () => cutStreamCase(place, input, session.trimEnd()),
    },
  ]),
);

test('pcrs-policies refuses records outside a run, and names -n', async () => {
  for (const line of ['{"kind":"policy","id":1}', 'null', 'rubbish', '42']) {
    const ended = await place.bash('pcrs-policies', { input: `${line}\n` });
    assert.equal(ended.status, 3);
    assert.match(ended.stderr, /^pcrs-policies: stdin:1: .*\(?-n\b/);
  }
});
