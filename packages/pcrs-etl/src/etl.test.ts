import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Simulator, type SimulatorOptions, startSimulator } from 'pcrs-simulator';

const Database = createRequire(new URL('../../pcrs-to-sqlite/package.json', import.meta.url))(
  'better-sqlite3',
);
const bin = fileURLToPath(new URL('../bin/pcrs-etl.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'pcrs-etl-'));
after(() => rmSync(root, { recursive: true, force: true }));

const small = { seed: 5, policies: 24, hosts: 60, controls: 6, rateLimit: 'off' } as const;

function start(simulator: Simulator, out: string, ...args: string[]) {
  const env = {
    ...process.env,
    ...{
      PCRS_GATEWAY: simulator.gateway,
      PCRS_USERNAME: 'u',
      PCRS_PASSWORD: 'p4ssw0rd',
      PCRS_STATE_DIR: join(root, 'state'),
    },
    ...{ PCRS_RATE: '10000/1', PCRS_HOSTS_PER_REQUEST: '40', PCRS_CONCURRENCY: '2' },
  };
  const words = ['--conditions=pcrs-source', bin, '--out', out, '--evidence', ...args];
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}

async function simulated(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ ...small, ...options });
  after(() => simulator.close());
  return simulator;
}

/** Posture ids and statuses of a snapshot, and of the gateway. */
function rowsOf(database: string): string[] {
  const db = new Database(database, { readonly: true });
  try {
    return db
      .prepare("SELECT policyId || ' ' || hostId || ' ' || id || ' ' || status FROM q_pcrs_postureinfo")
      .pluck()
      .all()
      .sort();
  } finally {
    db.close();
  }
}

function truth(simulator: Simulator): string[] {
  const records = [...simulator.world.posture({ policies: simulator.world.policyIds('active') })].map(
    (text) => JSON.parse(text),
  );
  return records.map(({ policyId, hostId, id, status }) => `${policyId} ${hostId} ${id} ${status}`).sort();
}

/** Requests made, without logins. */
const asked = (simulator: Simulator) =>
  simulator.requests.filter(({ endpoint }) => endpoint !== 'auth').length;

test('a run makes a snapshot, an archive, the control records and, on request, CSV files', async () => {
  const simulator = await simulated();
  const out = join(root, 'one');
  const { status, stdout, stderr } = await start(simulator, out, '--csv').ended;
  assert.deepEqual([status, stderr.replace(/pcrs-to-csv: .*\n/g, '')], [0, '']);
  const loaded = JSON.parse(stdout);
  assert.deepEqual([loaded.kind, loaded.complete], ['loaded', true]);
  assert.equal(realpathSync(join(out, 'latest.db')), realpathSync(loaded.database));
  assert.deepEqual(rowsOf(join(out, 'latest.db')), truth(simulator));
  const names = readdirSync(out).map((name) => name.replace(/\d{8}T\d{6}Z/, 'STAMP'));
  assert.deepEqual(names.sort(), [
    'archive_STAMP',
    'csv_STAMP',
    'last_attempt.json',
    'latest.db',
    'latest_archive',
    'latest_csv',
    'pcrs_STAMP.db',
  ]);
  const archive = join(out, 'latest_archive');
  const kinds = readFileSync(join(archive, 'run.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).kind);
  assert.deepEqual(
    kinds.filter((kind, index) => kind !== kinds[index - 1]),
    ['session', 'start', 'end', 'loaded', 'written'],
  );
});

test('killed ten times at random moments, it asks only for the rest each time, and the snapshot is right', async () => {
  const simulator = await simulated();
  simulator.faults.add('posture:*:delay=250');
  const ofOneRun = await askedBy(simulator, async () => {
    assert.equal((await start(simulator, join(root, 'clean'), ...smallSlices).ended).status, 0);
  });
  const out = join(root, 'killed');
  const moments: number[] = [];
  let inFlight = 0;
  const inAll = await askedBy(simulator, async () => {
    while (moments.length < 10) {
      const { child, ended } = start(simulator, out, ...smallSlices);
      const moment = Math.round(300 + Math.random() * 1400);
      moments.push(moment);
      await sleep(moment);
      if (child.exitCode !== null) assert.fail(`over at ${moments}: ${JSON.stringify(await ended)}`);
      inFlight += simulator.requests.filter(
        ({ outcome, endpoint }) => outcome === 'open' && endpoint !== 'auth',
      ).length;
      // Its tools stay behind.
      child.kill('SIGKILL');
      await ended;
    }
    const { status, stderr } = await start(simulator, out, ...smallSlices).ended;
    assert.equal(status, 0, `${stderr}, killed after ${moments}`);
  });
  assert.deepEqual(rowsOf(join(out, 'latest.db')), truth(simulator), `killed after ${moments}`);
  // An answer that had arrived but was not stored yet counts as in flight: one per concurrent request and kill.
  assert.ok(
    inAll <= ofOneRun + inFlight + moments.length * 2,
    `${inAll} asked, ${ofOneRun} in a clean run, ${inFlight} in flight at ${moments}`,
  );
});

/** Some sixty requests for posture. */
const smallSlices = ['--hosts-per-request', '8'];

async function askedBy(simulator: Simulator, work: () => Promise<void>): Promise<number> {
  const before = asked(simulator);
  await work();
  return asked(simulator) - before;
}

test('deltas over a changing world equal full runs, and a full run drops what vanished', async () => {
  const out = join(root, 'deltas');
  const world = { ...small, hosts: 200, start: new Date().toISOString().slice(0, 10) };
  let port = 0;
  const seen = new Set<string>();
  const snapshots: string[] = [];
  for (const day of [0, 1, 2, 3]) {
    // The same gateway a day later.
    const simulator = await startSimulator({ ...world, day, port });
    port = simulator.port;
    const { status, stderr } = await start(simulator, out, '--incremental').ended;
    const now = truth(simulator);
    const full = simulator.requests.filter(
      ({ endpoint, query }) => endpoint === 'posture' && !query['lastEvaluationDate'],
    );
    await simulator.close();
    assert.equal(status, 0, stderr);
    assert.equal(full.length > 0, day === 0, 'only the first run asks for everything');
    const rows = new Set(rowsOf(join(out, 'latest.db')));
    assert.deepEqual(
      now.filter((row) => !rows.has(row)),
      [],
      `day ${day}: missing`,
    );
    const pairs = new Set(now.map(withoutStatus));
    const gone = [...rows].filter((row) => !pairs.has(withoutStatus(row)));
    assert.equal(rows.size, now.length + gone.length, `day ${day}: a posture with two statuses`);
    assert.deepEqual(
      gone.filter((row) => !seen.has(row)),
      [],
      `day ${day}: invented`,
    );
    for (const row of rows) seen.add(row);
    snapshots.push(realpathSync(join(out, 'latest.db')));
    await sleep(1100);
  }
  const simulator = await startSimulator({ ...world, day: 3, port });
  const { status } = await start(simulator, out).ended;
  const now = truth(simulator);
  await simulator.close();
  assert.equal(status, 0);
  assert.deepEqual(rowsOf(join(out, 'latest.db')), now);
  snapshots.push(realpathSync(join(out, 'latest.db')));
  for (const [index, newer] of snapshots.slice(1).entries()) {
    assert.deepEqual(toldChanges(snapshots[index]!, newer), changes(snapshots[index]!, newer), newer);
  }
  const words = (older: number, newer: number) =>
    new Set(changes(snapshots[older]!, snapshots[newer]!).map((change) => change.split(' ').at(-1)));
  assert.deepEqual(words(0, 3), new Set(['newly_failed', 'fixed', 'appeared']));
  assert.deepEqual(words(3, 4), new Set(['vanished']));
});

/** `policyId hostId id change` for each posture that differs between two snapshots, by pcrs-diff. */
function toldChanges(older: string, newer: string): string[] {
  const diff = fileURLToPath(new URL('../../pcrs-diff/bin/pcrs-diff.js', import.meta.url));
  const words = ['--conditions=pcrs-source', diff, older, newer];
  const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
  assert.equal(status, 0, stderr);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === 'change')
    .map(({ policyId, hostId, id, change }) => `${policyId} ${hostId} ${id} ${change}`)
    .sort();
}

/** The same from the rows. */
function changes(older: string, newer: string): string[] {
  const [before, after] = [older, newer].map(
    (path) => new Map(rowsOf(path).map((row) => [withoutStatus(row), row.split(' ').at(-1)!])),
  ) as [Map<string, string>, Map<string, string>];
  const word = (was?: string, is?: string) => {
    if (was === undefined || is === undefined) return was === undefined ? 'appeared' : 'vanished';
    if (is === 'Failed') return 'newly_failed';
    return was === 'Failed' && is === 'Passed' ? 'fixed' : 'status_changed';
  };
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => `${key} ${word(before.get(key), after.get(key))}`)
    .sort();
}

const withoutStatus = (row: string) => row.replace(/ \w+$/, '');

test('an interrupt stops every tool, keeps what came, and the next start resumes', async () => {
  const simulator = await simulated();
  simulator.faults.add('posture:2:hang');
  const out = join(root, 'interrupted');
  const { child, ended } = start(simulator, out);
  while (!simulator.requests.some(({ endpoint }) => endpoint === 'posture')) await sleep(50);
  await sleep(300);
  child.kill('SIGINT');
  const { status, stderr } = await ended;
  assert.equal(status, 130, stderr);
  assert.match(
    stderr.trimEnd().split('\n').at(-1)!,
    /interrupted by SIGINT; .*the same command resumes this run until 2/,
  );
  simulator.faults.clear();
  const again = await start(simulator, out).ended;
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /resuming the interrupted run/);
  assert.deepEqual(rowsOf(join(out, 'latest.db')), truth(simulator));
});

test('resumes a run whose host ids failed from its host ids on, even if posture finished', async () => {
  const simulator = await simulated();
  simulator.faults.add('hostids:2-:status=500');
  const out = join(root, 'half-resolved');
  const first = await start(simulator, out, '--retries', '0').ended;
  assert.equal(first.status, 5, first.stderr);
  const [archive] = readdirSync(out).filter((name) => name.startsWith('archive_'));
  assert.match(
    readFileSync(join(out, archive!, 'pcrs-posture/manifest.ndjson'), 'utf8'),
    /"kind":"finished"/,
  );
  simulator.faults.clear();
  const before = asked(simulator);
  const again = await start(simulator, out).ended;
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /resuming the interrupted run/);
  assert.deepEqual(rowsOf(join(out, 'latest.db')), truth(simulator));
  const whole = await simulated();
  await start(whole, join(root, 'resolved')).ended;
  assert.ok(asked(simulator) - before < asked(whole), 'what is kept is not asked for again');
});

test('a killed pcrs-etl leaves no tool behind', { skip: process.platform !== 'linux' }, async () => {
  const simulator = await simulated();
  simulator.faults.add('posture:2:hang');
  const out = join(root, 'orphans');
  const { child, ended } = start(simulator, out);
  while (!simulator.requests.some(({ endpoint }) => endpoint === 'posture')) await sleep(50);
  await sleep(300);
  assert.ok(toolsIn(out).length >= 2, 'posture and the sink are at work');
  child.kill('SIGKILL');
  const killedAt = performance.now();
  while (toolsIn(out).length > 0 && performance.now() - killedAt < 5000) await sleep(50);
  assert.deepEqual(toolsIn(out), []);
  await ended;
});

/** Processes with a folder among their arguments, except pcrs-etl itself. */
function toolsIn(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const commands = pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  });
  return commands.filter((command) => command.includes(folder) && !command.includes('pcrs-etl.js'));
}

test('refuses the second of two runs in one folder', async () => {
  const simulator = await simulated();
  simulator.faults.add('*:*:delay=300');
  const out = join(root, 'twice');
  const first = start(simulator, out);
  while (!readdirSync(root).includes('twice') || !readdirSync(out).includes('.lock')) await sleep(20);
  const second = await start(simulator, out).ended;
  assert.equal(second.status, 9);
  assert.match(second.stderr, /another run is working there/);
  const skipped = await start(simulator, out, '--if-busy', 'skip').ended;
  assert.deepEqual([skipped.status, skipped.stdout], [0, '']);
  assert.equal((await first.ended).status, 0);
});
