import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulatorAndGateway } from '../../../test/support/open-gateway.ts';
import { type HostIdsOptions, hostIds } from './index.ts';
import { policyIds } from './policy-ids.ts';
import { readAnswer } from './read-answer.ts';

const { simulator, gateway } = await simulatorAndGateway({ seed: 3, policies: 25, hosts: 40, controls: 5 });
const ids = simulator.world.policyIds();

async function resolve(policies: Iterable<string>, options: HostIdsOptions = {}) {
  const lines = await Array.fromAsync(hostIds(gateway, policies, options), ({ line }) => line);
  return lines;
}

function expected(policies: Iterable<string>) {
  return Array.from(policies, (id) => `{"kind":"hostids",${simulator.world.hostIdsElement(id).slice(1)}`);
}

/** The requests made while `work` runs. */
async function asked(work: () => Promise<unknown>) {
  const before = simulator.requests.length;
  await work();
  return simulator.requests.slice(before);
}

test('yields each policy as the gateway sent it, in the order the policies came', async () => {
  const shuffled = ids.toReversed();
  assert.deepEqual(await resolve(shuffled), expected(shuffled));
});

test('asks for hosts of at most ten policies in one request', async () => {
  const requests = await asked(() => resolve(ids));
  assert.deepEqual(
    requests.map(({ query }) => query['policyId']?.split(',').length),
    [10, 10, 5],
  );
});

test('puts an answer into the order asked', async () => {
  simulator.faults.add('hostids:1:reorder');
  assert.deepEqual(await resolve(ids.slice(0, 10)), expected(ids.slice(0, 10)));
});

test('asks once for a policy that came twice, and warns', async () => {
  const warnings: string[] = [];
  const lines = await resolve([ids[0]!, ids[1]!, ids[0]!], { warn: (message) => warnings.push(message) });
  assert.deepEqual(lines, expected([ids[0]!, ids[1]!]));
  assert.deepEqual(warnings, [`policy ${ids[0]} came twice; asking for it once`]);
});

test('yields a record and a warning for a policy that does not exist', async () => {
  const warnings: string[] = [];
  const [line] = await resolve(['4'], { warn: (message) => warnings.push(message) });
  assert.deepEqual(JSON.parse(line ?? ''), {
    kind: 'hostids',
    policyId: '4',
    subscriptionId: simulator.world.subscriptionId,
    hostIds: [],
    error: 'Error: Compliance Policy does not exist.',
  });
  assert.deepEqual(warnings, ['policy 4: Error: Compliance Policy does not exist.']);
});

test('asks again for a policy missing from the answer, or answered with another error', async () => {
  for (const kind of ['missing', 'policy-error=try later']) {
    simulator.faults.clear();
    simulator.faults.add(`hostids:1:${kind}@policy=${ids[2]}`);
    const requests = await asked(async () =>
      assert.deepEqual(await resolve(ids.slice(0, 4)), expected(ids.slice(0, 4))),
    );
    assert.deepEqual(
      requests.map(({ query }) => query['policyId']),
      [ids.slice(0, 4).join(','), ids[2]],
    );
  }
});

test('fails on a policy that stays missing, after yielding the policies before it', async () => {
  simulator.faults.clear();
  simulator.faults.add(`hostids:*:missing@policy=${ids[2]}`);
  const lines: string[] = [];
  await assert.rejects(
    async () => {
      for await (const { line } of hostIds(gateway, ids.slice(0, 4))) lines.push(line);
    },
    { code: 'PCRS_GATEWAY', message: `policy ${ids[2]}: two answers of the gateway omitted it` },
  );
  assert.deepEqual(lines, expected(ids.slice(0, 2)));
  simulator.faults.clear();
});

test("takes only the gateway's own sentence for a policy that does not exist", async () => {
  for (const error of [
    'Error: host 12 does not exist',
    'Error: Compliance Policy does not exist. Try later',
  ]) {
    simulator.faults.add(`hostids:*:policy-error=${error}@policy=${ids[1]}`);
    await assert.rejects(resolve([ids[1]!]), {
      code: 'PCRS_GATEWAY',
      message: `policy ${ids[1]}: two answers of the gateway had this error: ${error}`,
    });
    simulator.faults.clear();
  }
});

test('quotes an error that is an object', async () => {
  simulator.faults.add(`hostids:*:policy-error={"code":12,"text":["no"]}@policy=${ids[1]}`);
  await assert.rejects(resolve([ids[1]!]), {
    message: `policy ${ids[1]}: two answers of the gateway had this error: {"code":12,"text":["no"]}`,
  });
  simulator.faults.clear();
});

test('asks for and writes a half-full batch before it passes on a failure of the input', async () => {
  async function* broken() {
    yield* ids.slice(0, 12);
    throw new Error('line 13 is bad');
  }
  const lines: string[] = [];
  await assert.rejects(async () => {
    for await (const { line } of hostIds(gateway, broken())) lines.push(line);
  }, /line 13 is bad/);
  assert.deepEqual(lines, expected(ids.slice(0, 12)));
});

test("sends filters under the gateway's own names", async () => {
  const [request] = await asked(() =>
    resolve([ids[0]!], {
      scannedSince: '2026-01-01',
      statusChangedSince: '2026-01-02',
      assetState: 'ALL',
      assetDeploymentType: 'CLOUD',
    }),
  );
  assert.deepEqual(request?.query, {
    policyId: ids[0],
    lastScanDate: '2026-01-01',
    statusChangedSince: '2026-01-02',
    assetState: 'ALL',
    assetDeploymentType: 'CLOUD',
  });
});

test('asks nothing if no policy came', async () => {
  assert.deepEqual(await asked(() => resolve([])), []);
});

test('takes an id from policies, untagged objects, numbers and strings, and nothing else', () => {
  const taken = (value: unknown, kind?: string) =>
    policyIds(value, kind, 'stdin:1').map(({ input }) => input);
  assert.deepEqual(taken({ kind: 'policy', id: 7 }, 'policy'), ['7']);
  assert.deepEqual(taken({ policyId: '8', id: 9 }), ['8']);
  assert.deepEqual(taken({ id: 9 }), ['9']);
  assert.deepEqual([taken(10), taken('11')], [['10'], ['11']]);
  for (const value of [
    { kind: 'hostids', policyId: 1, hostIds: [] },
    { policyId: 1, hostIds: [] },
    { x: 1 },
    [1],
    null,
    true,
  ]) {
    assert.deepEqual(taken(value, (value as { kind?: string } | null)?.kind), []);
  }
});

test('refuses an invalid id by line', () => {
  for (const value of [{ id: 'x' }, 1.5, -3, 'abc', '']) {
    assert.throws(() => policyIds(value, undefined, 'stdin:4'), {
      code: 'PCRS_RECORD',
      message: /^stdin:4: expected a policy id/,
    });
  }
  assert.throws(() => policyIds({ kind: 'policy' }, 'policy', 'stdin:4'), /found none/);
});

test('counts changed characters in a warning', async () => {
  const warnings: string[] = [];
  const body = Buffer.from('[{"policyId":"7","hostIds":[],"note":"a\tb\u00ff"}]', 'latin1');
  const answer = await readAnswer(chunks(body), new Set(['7']), 'host ids of 1 policy from 7', {
    warn: (message) => warnings.push(message),
  });
  assert.deepEqual(
    answer.get('7')?.map(({ line }) => line),
    [String.raw`{"kind":"hostids","policyId":"7","hostIds":[],"note":"a\tb�"}`],
  );
  assert.deepEqual(warnings, [
    'host ids of 1 policy from 7: escaped 1 raw control character, replaced 1 invalid UTF-8 sequence by U+FFFD',
  ]);
});

async function* chunks(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}
