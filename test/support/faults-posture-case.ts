import assert from 'node:assert/strict';
import { type PolicyHosts, postureSlices } from 'pcrs-posture';
import type { SliceCounts } from 'pcrs-records/kinds';
import { startSimulator } from 'pcrs-simulator';
import { byPair, canonical } from './faults-canonical.ts';
import { type Thrown, withClient } from './faults-client.ts';
import type { Outcome, PostureRow, Strike } from './faults-posture-rows.ts';

/** Result of a case, for the table. */
export interface Told {
  asked: number;
  outcome: string;
}

interface Findings {
  /** Slices handed over, each with its policies, first host, hosts and records. */
  written: { pairs: string[]; records: string[] }[];
  error: Thrown | undefined;
  counts: SliceCounts;
  warnings: string[];
  asked: number;
  struck: number;
}

const world = { seed: 11, policies: 9, hosts: 60, controls: 4, hostsPerPolicy: 5 };

/** One policy per slice, so that a pair names its slice. */
interface Scene {
  policies: PolicyHosts[];
  hostsPerRequest: number;
  struck: { policyId: string; hostId: string };
}

/**
 * Runs one case and checks it against the contract.
 *
 * Throws  if a record is lost, doubled or changed, if the list of missing slices is not exact, or if the outcome is
 *         another one
 */
export async function postureCase(row: PostureRow, strike: Strike, concurrency: number): Promise<Told> {
  return withClient(world, row.limits ?? {}, async ({ simulator, gateway, warnings }) => {
    const scene = sceneOf(simulator.world, row.limits !== undefined);
    simulator.faults.add(faultText(row.fault, strike, scene));
    const written: Findings['written'] = [];
    const slices = postureSlices(gateway, scene.policies, {
      ...{ concurrency, hostsPerRequest: scene.hostsPerRequest, policiesPerRequest: 1, evidence: true },
      warn: (message: string) => warnings.push(message),
    });
    let error: Thrown | undefined;
    try {
      for await (const slice of slices) {
        const records = [];
        for await (const { bytes, count } of slice.blocks()) {
          const lines = Buffer.from(bytes).toString().split('\n').slice(0, -1);
          assert.equal(lines.length, count);
          records.push(...lines.map(untagged));
        }
        assert.equal(records.length, slice.proof.records);
        written.push({ pairs: pairsOf(slice.slice.policies), records });
      }
    } catch (thrown) {
      error = thrown as Thrown;
    }
    const requests = simulator.requests.filter(({ endpoint }) => endpoint === 'posture');
    const struck = requests.filter(({ faults }) => faults.length > 0).length;
    const findings = { written, error, counts: slices.counts, warnings, asked: requests.length, struck };
    const truth = await truthOf(row, scene, simulator.world);
    check(findings, scene, truth, row, expectedOf(row, strike));
    return { asked: requests.length, outcome: describe(findings, scene) };
  });
}

function untagged(line: string): string {
  assert.ok(line.startsWith('{"kind":"posture",'), line.slice(0, 40));
  return `{${line.slice('{"kind":"posture",'.length)}`;
}

function expectedOf(row: PostureRow, strike: Strike): Outcome {
  const outcome = row.expected[strike];
  assert.ok(outcome, `${row.fault} has no expectation for ${strike}`);
  return outcome;
}

type World = Awaited<ReturnType<typeof startSimulator>>['world'];

function sceneOf(simulated: World, small: boolean): Scene {
  const { subscriptionId } = simulated;
  const policies = simulated
    .policyIds()
    .map((policyId) => ({
      policyId,
      subscriptionId,
      hostIds: simulated.hostIds(policyId).slice(0, small ? 3 : 5),
    }))
    .filter(({ hostIds }) => hostIds.length >= 3)
    .slice(0, small ? 2 : 3);
  const [, second] = policies;
  assert.ok(second, 'the world has two policies with hosts');
  return {
    policies,
    hostsPerRequest: small ? 2 : 3,
    struck: { policyId: second.policyId, hostId: second.hostIds[1]! },
  };
}

function faultText(fault: string, strike: Strike, { struck }: Scene): string {
  const only = `@policy=${struck.policyId}@host=${struck.hostId}`;
  if (strike === 'always') return `posture:*:${fault}`;
  return `posture:${{ once: '1', twice: '1-2', pair: '*' }[strike]}:${fault}${only}`;
}

/** The records of each pair as a faultless gateway would send them. */
async function truthOf(row: PostureRow, scene: Scene, plain: World): Promise<Map<string, string[]>> {
  const options = { policies: scene.policies.map(({ policyId }) => policyId), evidence: 'evidence' } as const;
  if (row.form === undefined) return byPair(plain.posture(options));
  const changed = await startSimulator({ ...world, forms: [row.form as never] });
  try {
    return byPair(changed.posture(options));
  } finally {
    await changed.close();
  }
}

function pairsOf(policies: readonly PolicyHosts[]): string[] {
  return policies.flatMap(({ policyId, hostIds }) => hostIds.map((hostId) => `${policyId}/${hostId}`));
}

/** The pairs of a slice that `end` lists as missing: N in a row, from the first policy and host on. */
function missingPairs(counts: SliceCounts, all: readonly string[]): string[] {
  return counts.missing.flatMap(({ policies, hosts, firstHostId, error }) => {
    assert.notEqual(error, '', 'says why');
    const from = all.indexOf(`${policies[0]}/${firstHostId}`);
    assert.ok(from >= 0, `${policies[0]}/${firstHostId} is a pair that was asked for`);
    const pairs = all.slice(from, from + hosts);
    assert.deepEqual([...new Set(pairs.map((pair) => pair.split('/')[0]))], policies);
    return pairs;
  });
}

function check(
  found: Findings,
  scene: Scene,
  truth: Map<string, string[]>,
  row: PostureRow,
  expected: Outcome,
): void {
  const { written, error, counts, warnings } = found;
  const all = pairsOf(scene.policies);
  const had = written.flatMap(({ pairs }) => pairs);
  const lost = missingPairs(counts, all);
  assert.ok(found.struck > 0, 'the fault struck');
  assert.equal(new Set(had).size, had.length, 'no slice is written twice');
  assert.equal(new Set(lost).size, lost.length, 'no pair is listed twice');
  assert.deepEqual(
    had.filter((pair) => lost.includes(pair)),
    [],
    'what is listed as missing is not written',
  );
  const { planned, fetched, replayed, failed, notAsked } = counts;
  assert.deepEqual(
    { fetched, replayed, sum: fetched + failed + notAsked, failed },
    {
      ...{ fetched: written.length, replayed: 0, sum: planned, failed: counts.missing.length },
    },
  );
  if (expected === 'kept') checkForeign(found);
  checkRecords(written, truth, expected === 'as sent' ? struckPairs(found, scene) : []);
  checkOutcome(expected, found, scene, { all, had, lost });
  if (error !== undefined) {
    if (row.says) assert.match(error.message, row.says);
    assert.doesNotMatch(error.message, /\n|Bearer|eyJ|a password/);
  } else
    assert.deepEqual(
      warnings.filter((warning) => /slices? failed/.test(warning)),
      [],
    );
}

/** Removes foreign records from the findings: they are counted, and one warning names the first. */
function checkForeign({ written, counts, warnings }: Findings): void {
  let foreign = 0;
  for (const slice of written) {
    const asked = slice.records.filter((record) => slice.pairs.includes(pairOf(record)));
    foreign += slice.records.length - asked.length;
    slice.records = asked;
  }
  assert.ok(foreign > 0 && counts.foreign === foreign, `${counts.foreign} counted, ${foreign} there`);
  assert.match(
    warnings[0] ?? '',
    /^policy \d+, .*: got \d+ records? not asked for, the first of policy \d+, host \d+/,
  );
}

function pairOf(record: string): string {
  const { policyId, hostId } = JSON.parse(record);
  return `${policyId}/${hostId}`;
}

function checkRecords(
  written: Findings['written'],
  truth: Map<string, string[]>,
  empty: readonly string[],
): void {
  for (const { pairs, records } of written) {
    const due = pairs.filter((pair) => !empty.includes(pair)).flatMap((pair) => truth.get(pair) ?? []);
    assert.deepEqual(records.map(canonical), due.map(canonical), `the records of ${pairs.join(' ')}`);
  }
}

/** The slices whose answers were empty: those of the struck pair, or all. */
function struckPairs({ written, struck, asked }: Findings, scene: Scene): string[] {
  const pair = `${scene.struck.policyId}/${scene.struck.hostId}`;
  const silent = struck === asked ? written : written.filter(({ pairs }) => pairs.includes(pair));
  return silent.flatMap(({ pairs }) => pairs);
}

interface Sets {
  all: string[];
  had: string[];
  lost: string[];
}

function checkOutcome(expected: Outcome, found: Findings, scene: Scene, { all, had, lost }: Sets): void {
  const { error, counts } = found;
  const pair = `${scene.struck.policyId}/${scene.struck.hostId}`;
  const code = expected === 'refused' || expected === 'no token' ? 'PCRS_REFUSED' : 'PCRS_GATEWAY';
  const good = expected === 'exact' || expected === 'as sent' || expected === 'kept';
  assert.equal(error?.code, good ? undefined : code, error?.message);
  if (expected === 'stops' || expected === 'refused' || expected === 'no token') {
    assert.ok(counts.notAsked + counts.failed > 0);
    assert.ok(had.length < all.length);
    if (expected !== 'no token') checkNamed(error!.message, scene, had);
    return;
  }
  if (expected === 'gone') {
    assert.ok(
      counts.missing.length >= 3 && counts.notAsked > 0,
      'three are listed, the rest was not asked for',
    );
    assert.match(error!.message, /in a row/);
    assert.deepEqual(had, []);
    return;
  }
  assert.equal(counts.notAsked, 0);
  assert.deepEqual([...had, ...lost].sort(), [...all].sort(), 'each pair is written or listed');
  if (good) assert.deepEqual(lost, []);
  if (expected === 'pair') assert.deepEqual(lost, [pair]);
  if (expected === 'slice') assert.deepEqual(lost, sliceOf(pair, scene));
  if (expected === 'all') assert.deepEqual(had, []);
  if (!good) assert.match(error!.message, new RegExp(`policy ${lost[0]!.replace('/', ', host ')}`));
}

/** A stage that stops at once names the slice it stopped at: nothing of it is written. */
function checkNamed(message: string, { policies, hostsPerRequest }: Scene, had: readonly string[]): void {
  const firsts = policies.flatMap(({ policyId, hostIds }) =>
    hostIds.filter((_, index) => index % hostsPerRequest === 0).map((hostId) => ({ policyId, hostId })),
  );
  const ours = message.replace(/ \(the first: .*?\)/, '');
  const named = firsts.filter(({ policyId, hostId }) =>
    new RegExp(`policy ${policyId}.*host.* ${hostId}\\b`).test(ours),
  );
  assert.equal(named.length, 1, `one slice is named: ${message}`);
  assert.ok(!had.includes(`${named[0]!.policyId}/${named[0]!.hostId}`));
}

function sliceOf(pair: string, { policies, hostsPerRequest }: Scene): string[] {
  const hosts = pairsOf(policies.filter(({ policyId }) => policyId === pair.split('/')[0]));
  const from = Math.floor(hosts.indexOf(pair) / hostsPerRequest) * hostsPerRequest;
  return hosts.slice(from, from + hostsPerRequest);
}

function describe({ written, error, counts }: Findings, scene: Scene): string {
  const all = pairsOf(scene.policies).length;
  const had = written.flatMap(({ pairs }) => pairs).length;
  if (error === undefined) return `exact ${had}/${all}`;
  const listed = counts.missing.reduce((sum, { hosts }) => sum + hosts, 0);
  const status = error.code === 'PCRS_REFUSED' ? 4 : 5;
  return `${status}: ${had} written, ${listed} listed${counts.notAsked > 0 ? ', stopped' : ''}`;
}
