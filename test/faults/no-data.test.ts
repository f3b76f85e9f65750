// A body that never begins: no data if the request has a date filter, a failure otherwise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PostureOptions, postureSlices } from 'pcrs-posture';
import { byPair } from '../support/faults-canonical.ts';
import { type Thrown, withClient } from '../support/faults-client.ts';

const world = { seed: 16, policies: 6, hosts: 60, controls: 4, hostsPerPolicy: 5 };
const dated = { evaluatedSince: '2020-01-01' };

/** Asks for one policy in slices of two hosts, of which the second never begins. */
function askedWith(options: PostureOptions) {
  return withClient(world, {}, async ({ simulator, gateway, warnings }) => {
    const { subscriptionId } = simulator.world;
    const policyId = simulator.world
      .policyIds('active')
      .find((id) => simulator.world.hostIds(id).length === 5)!;
    const hostIds = simulator.world.hostIds(policyId);
    simulator.faults.add(`posture:*:empty=broken@host=${hostIds[2]}`);
    const input = [{ policyId, subscriptionId, hostIds }];
    const slices = postureSlices(gateway, input, {
      ...{ hostsPerRequest: 2, concurrency: 1, tagged: false, ...options },
      warn: (message) => warnings.push(message),
    });
    const lines: string[] = [];
    let error: Thrown | undefined;
    try {
      for await (const slice of slices) {
        for await (const { bytes } of slice.blocks())
          lines.push(...Buffer.from(bytes).toString().split('\n').slice(0, -1));
      }
    } catch (thrown) {
      error = thrown as Thrown;
    }
    const truth = byPair(simulator.posture({ policies: [policyId] }));
    const others = [0, 1, 4].flatMap((index) => truth.get(`${policyId}/${hostIds[index]}`) ?? []);
    assert.deepEqual(lines, others, 'the other slices are exact');
    const asked = simulator.requests.filter(({ faults }) => faults.length > 0).length;
    assert.equal(asked, 3, 'it was asked for twice more');
    const named = new RegExp(`policy ${policyId}, .*${hostIds[2]}`);
    return { error, warnings, named, counts: slices.counts };
  });
}

test('with a date and without --strict it is a warning that names the slice', async () => {
  const { error, warnings, named, counts } = await askedWith(dated);
  assert.equal(error, undefined);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /either no data, or a dropped connection/);
  assert.match(warnings[0]!, named);
  assert.deepEqual(
    { ...counts, missing: counts.missing.length },
    {
      ...{ planned: 3, fetched: 3, replayed: 0, failed: 0, notAsked: 0, missing: 0, foreign: 0 },
    },
  );
});

for (const [name, options] of Object.entries({
  'with --strict': { ...dated, strict: true },
  'without a date': {},
})) {
  test(`${name} it is a failed slice`, async () => {
    const { error, named, counts } = await askedWith(options);
    assert.equal(error?.code, 'PCRS_GATEWAY');
    assert.match(error!.message, named);
    assert.deepEqual([counts.fetched, counts.failed, counts.missing.length], [2, 1, 1]);
    assert.equal(counts.missing[0]!.hosts, 2);
  });
}
