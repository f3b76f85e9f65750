import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SliceCounts } from 'pcrs-records/kinds';
import { type Simulator, startSimulator } from 'pcrs-simulator';
import { contentsOf, posturesOf, posturesOfRecords } from './faults-database.ts';
import type { PipeRow } from './faults-pipe-rows.ts';
import { type Place, records } from './programs.ts';

const world = { seed: 13, policies: 6, hosts: 30, controls: 4, hostsPerPolicy: 7 };
const hostsPerRequest = 3;
const pipe = [
  'pcrs-auth | pcrs-policies | pcrs-hostids --policies-per-request 2',
  `pcrs-posture --hosts-per-request ${hostsPerRequest} --policies-per-request 1`,
  'pcrs-to-sqlite out.db > loaded; echo "${PIPESTATUS[@]}"',
].join(' | ');

/** Stores the sink's input, which also shows the sink that inspecting changes nothing. */
function lineOf({ through }: PipeRow): string {
  const stages = through === undefined ? 4 : 5;
  return pipe
    .replace(
      '| pcrs-to-sqlite',
      `${through === undefined ? '' : `| ${through} `}| tee stream | pcrs-to-sqlite`,
    )
    .replace(
      'echo "${PIPESTATUS[@]}"',
      `at=("\${PIPESTATUS[@]}"); echo "\${at[@]:0:${stages}} \${at[${stages + 1}]}"`,
    );
}

const env = { PCRS_RETRIES: '1', PCRS_TIMEOUT: '1', PCRS_MAX_WAIT: '3' };

/** Runs the whole pipe with a row's faults, as processes, and checks database and statuses against the contract. */
export async function pipeCase(place: Place, row: PipeRow): Promise<string> {
  const simulator = await startSimulator({ rateLimit: 'off', ...world, ...row.simulator });
  try {
    const struck = middleOf(simulator);
    for (const fault of row.faults)
      simulator.faults.add(fault.replace('POLICY', struck.policyId).replace('HOST', struck.hostId));
    const cwd = place.folder();
    const ended = await place.bash(lineOf(row), {
      cwd,
      env: { ...env, PCRS_GATEWAY: simulator.gateway, PCRS_STATE_DIR: join(cwd, 'state'), ...row.env },
    });
    assert.equal(ended.stdout, `${row.statuses}\n`, ended.stderr);
    const strikes = simulator.requests.filter(({ faults }) => faults.length > 0).length;
    assert.ok(strikes > 0 || row.faults.length === 0, 'the faults struck');
    checkMessages(ended.stderr, row);
    checkDatabase(cwd, simulator, row, struck);
    return `${row.statuses} (${simulator.requestCount} requests)`;
  } finally {
    await simulator.close();
  }
}

function middleOf({ world: simulated }: Simulator): { policyId: string; hostId: string } {
  const policyId = simulated.policyIds('active').filter((id) => simulated.hostIds(id).length > 4)[1];
  assert.ok(policyId, 'the world has two policies with five hosts');
  return { policyId, hostId: simulated.hostIds(policyId)[4]! };
}

/** One line per message, each with its tool; the sink's names the failed stage. */
function checkMessages(stderr: string, row: PipeRow): void {
  const lines = stderr.split('\n').slice(0, -1);
  for (const one of lines) assert.match(one, /^pcrs-[a-z-]+: /);
  const sink = lines.filter((one) => one.startsWith('pcrs-to-sqlite: '));
  if (row.warns) assert.match(stderr, row.warns);
  if (row.statuses.endsWith(' 0')) assert.deepEqual(sink, []);
  else {
    assert.equal(sink.length, 1, stderr);
    assert.match(sink[0]!, /^pcrs-to-sqlite: run incomplete: (pcrs-|no stage)/);
    if (row.says) assert.match(sink[0]!, row.says);
  }
}

function checkDatabase(
  cwd: string,
  simulator: Simulator,
  row: PipeRow,
  struck: { policyId: string; hostId: string },
): void {
  const complete = row.statuses.endsWith(' 0');
  const [loaded] = records(readFileSync(join(cwd, 'loaded'), 'utf8'));
  assert.equal(loaded.complete, complete);
  const contents = contentsOf(join(cwd, 'out.db'));
  assert.equal(contents.integrity, 'ok');
  assert.equal('ALL_TABLES_LOADED_SUCCESSFULLY' in contents.status, complete);
  assert.equal(contents.status['LOAD']?.state, complete ? 'complete' : 'incomplete');

  const policies = simulator.world.policyIds('active');
  const truth = posturesOfRecords(simulator.posture({ policies }));
  const found = posturesOf(contents);
  for (const [pair, postures] of found)
    assert.deepEqual(postures, truth.get(pair), `the postures of ${pair}`);
  const resolved = resolvedPairs(contents.rows.q_pcrs_hostids);
  if (complete) assert.deepEqual([...resolved].sort(), [...truth.keys()].sort());
  const lost = resolved.filter((pair) => !found.has(pair));
  const end = records(readFileSync(join(cwd, 'stream'), 'utf8')).find(
    ({ kind, stage }) => kind === 'end' && stage === 'pcrs-posture',
  );
  checkLost(row, lost, `${struck.policyId}/${struck.hostId}`, end?.slices, resolved);
}

function resolvedPairs(rows: readonly string[]): string[] {
  return rows.map((row) => {
    const { policyId, hostId } = JSON.parse(row) as { policyId: string; hostId: string };
    return `${policyId}/${hostId}`;
  });
}

function checkLost(
  row: PipeRow,
  lost: string[],
  pair: string,
  slices: SliceCounts | undefined,
  resolved: string[],
): void {
  const { lost: expected = 'none' } = row;
  if (expected === 'none') {
    assert.deepEqual(lost, []);
    return;
  }
  if (expected === 'warned of') {
    assert.ok(lost.includes(pair));
    return;
  }
  if (expected === 'unsaid') {
    assert.deepEqual(lost, [pair]);
    return;
  }
  assert.ok(slices, 'the end of pcrs-posture is there');
  const { planned, fetched, failed, notAsked, missing } = slices;
  assert.equal(fetched + failed + notAsked, planned);
  const listed = missing.reduce((sum, { hosts }) => sum + hosts, 0);
  if (expected === 'the pair') assert.deepEqual(lost, [pair]);
  if (expected === 'the slice') assert.ok(lost.includes(pair) && lost.length <= hostsPerRequest);
  if (expected === 'listed') assert.equal(lost.length, resolved.length);
  if (expected === 'stopped') assert.ok(notAsked + failed > 0 && lost.length > 0);
  else {
    assert.equal(notAsked, 0);
    assert.equal(listed, lost.length, 'as many pairs are listed as are missing');
    const firsts = missing.map(({ policies, firstHostId }) => `${policies[0]}/${firstHostId}`);
    assert.deepEqual(
      firsts.filter((first) => !lost.includes(first)),
      [],
    );
  }
}
