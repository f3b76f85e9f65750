// Three parallel pcrs-posture of one user share one allowance: none has to wait, and little of it stays unused.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { watchedPlace } from '../support/faults-canary.ts';

/** Qualys' 25 requests in 60 seconds, scaled down in time. */
const limit = { requests: 25, seconds: 3 };
const world = { seed: 14, policies: 12, hosts: 600, controls: 3, hostsPerPolicy: 42 };

const place = await watchedPlace('faults-side-by-side');
after(() => place.close());

/** Runs three stages at once, each with its share of the pairs, one pair per request. */
async function sideBySide(simulator: Simulator, pairsEach: number, rate: string): Promise<void> {
  const { world: simulated } = simulator;
  const policyIds = simulated.policyIds('active').filter((id) => simulated.hostIds(id).length >= pairsEach);
  assert.ok(policyIds.length >= 3, 'the world has three policies with hosts');
  const cwd = place.folder();
  const env = { PCRS_GATEWAY: simulator.gateway, PCRS_STATE_DIR: `${cwd}-state`, PCRS_RATE: rate };
  await Promise.all(
    policyIds.slice(0, 3).map(async (policyId) => {
      const hostIds = simulated.hostIds(policyId).slice(0, pairsEach);
      const input = JSON.stringify({ policyId, subscriptionId: simulated.subscriptionId, hostIds });
      const ended = await place.bash('pcrs-posture --hosts-per-request 1 --concurrency 3 --untagged', {
        cwd,
        env,
        input,
      });
      assert.equal(ended.stderr, '');
      assert.equal(ended.status, 0);
      const truth = [...simulated.posture({ policies: [policyId], hosts: hostIds })].sort();
      assert.deepEqual(ended.stdout.split('\n').slice(0, -1).sort(), truth);
    }),
  );
}

/** When the gateway counted each request to postureInfo, in milliseconds; none exceeded the limit. */
function countedAt({ requests }: Simulator): number[] {
  const asked = requests.filter(({ endpoint }) => endpoint === 'posture');
  assert.deepEqual(
    asked.filter(({ status }) => status !== 200),
    [],
  );
  return asked.map(({ time }) => Date.parse(time)).sort((a, b) => a - b);
}

/**
 * Share of the allowance used: a request may follow the 25th before it after the length of the window, and no sooner.
 */
function used(times: readonly number[]): number {
  const windowMs = limit.seconds * 1000;
  const intervals = times.slice(limit.requests).map((time, index) => time - times[index]!);
  return windowMs / (intervals.reduce((sum, ms) => sum + ms, 0) / intervals.length);
}

suite('three side by side', () => {
  test('stay under the limit together and use at least 95 % of it', async (t) => {
    const simulator = await startSimulator({ ...world, rateLimit: limit });
    t.after(() => simulator.close());
    const pairsEach = 42;
    await sideBySide(simulator, pairsEach, `${limit.requests}/${limit.seconds}`);
    const times = countedAt(simulator);
    assert.equal(times.length, 3 * pairsEach);
    const share = used(times);
    process.stdout.write(
      `three side by side: ${times.length} requests, none refused, ${(share * 100).toFixed(1)} % of the allowance used\n`,
    );
    assert.ok(share >= 0.95, `${share} of the allowance was used`);
    assert.ok(share <= 1, `${share} of the allowance cannot be used`);
  });

  test('obey headers with a lower limit than their flag', async (t) => {
    const simulator = await startSimulator({ ...world, rateLimit: limit });
    t.after(() => simulator.close());
    await sideBySide(simulator, 17, '1000/3');
    assert.equal(countedAt(simulator).length, 3 * 17);
  });

  test('log in once between them, and once more when the token dies', async (t) => {
    const simulator = await startSimulator({ ...world, rateLimit: 'off', faults: ['posture:20:revoke'] });
    t.after(() => simulator.close());
    await sideBySide(simulator, 17, '10000/1');
    const logins = simulator.requests.filter(({ endpoint }) => endpoint === 'auth');
    assert.equal(logins.length, 2);
    // Requests in flight with the old token may be refused; each is repeated once.
    const refused = simulator.requests.filter(({ status }) => status === 401).length;
    assert.ok(refused >= 1 && refused <= 9, `${refused} requests were refused`);
    assert.equal(simulator.requests.filter(({ status }) => status === 200).length, 3 * 17);
  });
});
