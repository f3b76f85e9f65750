// A full disk, a directory without write access, a locked database, a name in use: one line, the right status,
// nothing destroyed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type SQLite from 'better-sqlite3';
import { startSimulator } from 'pcrs-simulator';
import { root } from '../../scripts/run-program.ts';
import { watchedPlace } from '../support/faults-canary.ts';
import { assertSameRows, contentsOf } from '../support/faults-database.ts';
import { type SmallDisk, smallDisk } from '../support/faults-disk.ts';
import { type Ended, run } from '../support/programs.ts';

const Database = createRequire(join(root, 'packages/pcrs-to-sqlite/package.json'))(
  'better-sqlite3',
) as typeof SQLite;

const world = { seed: 20, policies: 6, hosts: 40, controls: 40, hostsPerPolicy: 12 };
const place = await watchedPlace('faults-disk', world);
after(() => place.close());

const good = place.folder();
const stages = 'pcrs-policies | pcrs-hostids | pcrs-posture --evidence --concurrency 1';
const made = await place.bash(
  `set -o pipefail; pcrs-auth | ${stages} > stream && pcrs-to-sqlite out.db < stream`,
  {
    cwd: good,
  },
);
assert.deepEqual([made.status, made.stderr], [0, '']);
const stream = readFileSync(join(good, 'stream'));
const reference = contentsOf(join(good, 'out.db'));

function oneLine({ status, stderr }: Ended, expected: number, says: RegExp): void {
  assert.equal(status, expected, stderr);
  assert.match(stderr, says);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.doesNotMatch(stderr, /a bug|\bat .*:\d+:\d+/);
}

function checkWhole(path: string): void {
  const contents = contentsOf(path);
  assert.equal(contents.integrity, 'ok');
  assertSameRows(contents, reference);
}

suite('a full disk', () => {
  function disk(t: TestContext, size: string): SmallDisk | undefined {
    const mounted = smallDisk(place.folder(), size);
    if (mounted === undefined) t.skip('no disk can be mounted here');
    else t.after(() => mounted.unmount());
    return mounted;
  }

  test('leaves a readable database that does not claim to be complete; with space the next load completes it', async (t) => {
    const full = disk(t, '1m');
    if (!full) return;
    const path = join(full.path, 'out.db');
    oneLine(await place.bash(`pcrs-to-sqlite ${path}`, { input: stream }), 1, /out\.db .*disk is full/);
    full.grow('64m');
    const contents = contentsOf(path);
    assert.equal(contents.integrity, 'ok');
    assert.ok(!('ALL_TABLES_LOADED_SUCCESSFULLY' in contents.status));
    assert.notEqual(contents.status['LOAD']?.state, 'complete');
    assert.equal((await place.bash(`pcrs-to-sqlite ${path}`, { input: stream })).stderr, '');
    checkWhole(path);
  });

  test('publishes no snapshot', async (t) => {
    const full = disk(t, '1m');
    if (!full) return;
    const folder = join(full.path, 'snapshots');
    oneLine(await place.bash(`pcrs-to-sqlite --snapshot ${folder}`, { input: stream }), 1, /(full|space)/);
    assert.deepEqual(
      readdirSync(folder).filter((name) => /^(latest|pcrs_[\dTZ]+)\.db$/.test(name)),
      [],
    );
    full.grow('64m');
    assert.equal((await place.bash(`pcrs-to-sqlite --snapshot ${folder}`, { input: stream })).stderr, '');
    checkWhole(join(folder, 'latest.db'));
  });

  test("leaves yesterday's CSV files unchanged", async (t) => {
    const full = disk(t, '700k');
    if (!full) return;
    const folder = join(full.path, 'out');
    const yesterday = await place.bash(`grep '"kind":"policy"' | pcrs-to-csv --dir ${folder}`, {
      input: stream,
    });
    assert.deepEqual([yesterday.status, readdirSync(folder)], [0, ['policy.csv']]);
    const before = filesOf(folder);
    oneLine(await place.bash(`pcrs-to-csv --dir ${folder}`, { input: stream }), 1, /(space|full|ENOSPC)/);
    assert.deepEqual(filesOf(folder), before);
  });

  test('publishes nothing of a Parquet run; with room the next one is whole', async (t) => {
    const full = disk(t, '48k');
    if (!full) return;
    const lake = join(full.path, 'lake');
    const successes = () => globSync('*/*/*/*/_SUCCESS', { cwd: lake }).length;
    oneLine(await place.bash(`pcrs-to-parquet --dir ${lake}`, { input: stream }), 1, /(space|full|ENOSPC)/);
    assert.equal(successes(), 0);
    full.grow('64m');
    full.readOnly(true);
    oneLine(await place.bash(`pcrs-to-parquet --dir ${lake}`, { input: stream }), 1, /read-only|EROFS/);
    full.readOnly(false);
    const { status, stderr } = await place.bash(`pcrs-to-parquet --dir ${lake}`, { input: stream });
    assert.deepEqual([status, stderr, successes()], [0, '', 4]);
  });

  test('stops an archive where it is; with space --resume completes it', async (t) => {
    const full = disk(t, '64k');
    if (!full) return;
    const cwd = place.folder();
    const kept = join(full.path, 'kept');
    const posture = `pcrs-posture --evidence --concurrency 1 --archive ${kept}`;
    const line = `pcrs-auth | pcrs-policies | pcrs-hostids | ${posture} --hosts-per-request 4 > first; echo "\${PIPESTATUS[3]}"`;
    const ended = await place.bash(line, { cwd });
    oneLine({ ...ended, status: Number(ended.stdout) }, 1, /^pcrs-posture: .*(space|full|ENOSPC)/);
    full.grow('64m');
    const resumed = await place.bash(
      `${posture} --resume | pcrs-to-sqlite out.db; echo "\${PIPESTATUS[@]}"`,
      { cwd },
    );
    assert.equal(resumed.stderr, '');
    checkPostures(join(cwd, 'out.db'));
  });

  test('for temporary files is reported with the flag that moves them', async (t) => {
    const full = disk(t, '8m');
    if (!full) return;
    const faults = [`posture:1:bomb=records:bytes=${100 * 1024 * 1024}`];
    const simulator = await startSimulator({ ...world, rateLimit: 'off', faults });
    t.after(() => simulator.close());
    const [policyId] = simulator.world
      .policyIds('active')
      .filter((id) => simulator.world.hostIds(id).length > 0);
    const input = `{"policyId":${policyId},"hostIds":["${simulator.world.hostIds(policyId!)[0]}"]}`;
    const cwd = place.folder();
    const env = { PCRS_GATEWAY: simulator.gateway, PCRS_STATE_DIR: `${cwd}-state` };
    const line = `pcrs-posture --no-compression --temp-dir ${full.path} | wc -c; exit "\${PIPESTATUS[0]}"`;
    const ended = await place.bash(line, { cwd, env, input });
    oneLine(ended, 1, /use --temp-dir to choose another directory/);
    assert.equal(ended.stdout.trim(), '0');
    assert.deepEqual(readdirSync(full.path), []);
  });

  test('for the state keeps the token in memory, with one warning', async (t) => {
    const full = disk(t, '16k');
    if (!full) return;
    writeFileSync(join(full.path, 'filler'), Buffer.alloc(16 * 1024));
    const env = { PCRS_STATE_DIR: join(full.path, 'state') };
    const ended = await place.bash('pcrs-policies -n', { env });
    oneLine(ended, 0, /memory/);
    assert.ok(ended.stdout.length > 0);
  });
});

/** For a run whose policies and host ids came another way. */
function checkPostures(path: string): void {
  const contents = contentsOf(path);
  assert.equal(contents.integrity, 'ok');
  const withoutSlice = (rows: readonly string[]) =>
    rows.map((row) => row.replace(/"BATCH_NUMBER":"\d+",?/, ''));
  assert.deepEqual(
    withoutSlice(contents.rows.q_pcrs_postureinfo),
    withoutSlice(reference.rows.q_pcrs_postureinfo),
  );
}

suite('a file that may not grow', () => {
  for (const [command, says] of [
    ['pcrs-to-sqlite out.db', /out\.db/],
    ['pcrs-to-csv --dir out', /out/],
    ['pcrs-to-csv > out.text', /stdout/],
  ] as const) {
    test(`${command} ends with 1 and one line`, async () => {
      const cwd = place.folder();
      oneLine(await place.bash(`ulimit -f 200; ${command}`, { cwd, input: stream }), 1, says);
      assert.ok(!existsSync(join(cwd, 'out', 'posture.csv')));
    });
  }
});

test('a state directory without write access keeps the token in memory, with one warning', async () => {
  const env = { PCRS_STATE_DIR: join(place.folder(), 'state') };
  const ended = await place.bash('ulimit -f 0; pcrs-policies -n', { env });
  oneLine(ended, 0, /state cannot be written.*memory/);
  assert.equal(ended.stdout.split('\n').length - 1, place.simulator.world.policyIds('active').length);
});

suite('a directory without write access', {
  skip: process.getuid?.() === 0 ? false : 'needs another user',
}, () => {
  const nobody = { uid: 65_534, gid: 65_534 };
  const closed = place.folder();
  chmodSync(closed, 0o755);
  chmodSync(join(closed, '..'), 0o755);
  const state = place.folder();
  chmodSync(state, 0o777);
  const commands: [string, RegExp][] = [
    [`pcrs-to-sqlite ${closed}/out.db`, /out\.db/],
    [`pcrs-to-sqlite --snapshot ${closed}/snapshots`, /snapshots/],
    [`pcrs-to-sqlite --snapshot ${closed}`, /faults-disk/],
    [`pcrs-to-csv --dir ${closed}/out`, /out/],
    [`pcrs-to-csv --dir ${closed}`, /faults-disk/],
    [`pcrs-posture --archive ${closed}/kept`, /kept/],
  ];
  for (const [command, says] of commands) {
    test(`${command.replace(closed, 'DIR')}: 1 and one line`, async () => {
      const env = { ...place.env, PCRS_STATE_DIR: `${state}/state`, HOME: state, NODE_COMPILE_CACHE: '' };
      const input = command.startsWith('pcrs-posture') ? hostidsOnly() : stream;
      const ended = await run('bash', ['-c', `${command} > /dev/null`], { ...nobody, cwd: '/', env, input });
      oneLine(ended, 1, says);
      assert.deepEqual(readdirSync(closed), []);
    });
  }
});

function hostidsOnly(): string {
  const lines = stream.toString().split('\n');
  return `${lines.filter((line) => line.startsWith('{"kind":"hostids"')).join('\n')}\n`;
}

suite('a locked database', () => {
  /** Another process that writes to the database for this long. */
  async function writer(path: string, ms: number): Promise<ChildProcess> {
    const code = `
      const Database = require(${JSON.stringify(join(root, 'packages/pcrs-to-sqlite/node_modules/better-sqlite3'))});
      const db = new Database(process.argv[1]);
      db.exec('CREATE TABLE IF NOT EXISTS theirs (x); BEGIN IMMEDIATE; INSERT INTO theirs VALUES (1)');
      process.stdout.write('locked');
      setTimeout(() => { db.exec('COMMIT'); db.close(); }, ${ms});`;
    writeFileSync(path, '', { mode: 0o600 });
    const child = spawn(process.execPath, ['-e', code, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return child;
  }

  test('is waited for if the other writer ends after 3 s, and both writes are there', async () => {
    const path = join(place.folder(), 'out.db');
    const other = await writer(path, 3000);
    const ended = await place.bash(`pcrs-to-sqlite ${path}`, { input: stream });
    assert.equal(ended.status, 0, ended.stderr);
    if (other.exitCode === null) await new Promise((resolve) => other.once('close', resolve));
    checkWhole(path);
    const db = new Database(path);
    assert.equal(db.prepare('SELECT count(*) FROM theirs').pluck().get(), 1);
    db.close();
  });

  test('that stays locked is reported in one line, 1, and is unchanged', async () => {
    const path = join(place.folder(), 'out.db');
    const other = await writer(path, 300_000);
    try {
      const ended = await place.bash(`pcrs-to-sqlite ${path}`, { input: stream, limitMs: 200_000 });
      assert.match(ended.stderr, /^pcrs-to-sqlite: .*out\.db.*(locked|writ)/m);
      assert.equal(ended.status, 1);
    } finally {
      other.kill('SIGKILL');
      await sleep(100);
    }
    const db = new Database(path);
    assert.deepEqual(db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'q_pcrs%'").all(), []);
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    db.close();
  });
});

suite('a name in use', () => {
  const cases: {
    name: string;
    command: string;
    make(cwd: string): void;
    says: RegExp;
    status: readonly number[];
  }[] = [
    {
      name: 'a directory for a database',
      command: 'pcrs-to-sqlite taken',
      make: (cwd) => mkdirSync(join(cwd, 'taken')),
      ...{ says: /^pcrs-to-sqlite: taken/, status: [1, 2] },
    },
    {
      name: 'a text for a database',
      command: 'pcrs-to-sqlite taken',
      make: (cwd) => writeFileSync(join(cwd, 'taken'), 'this is no database, but precious\n'.repeat(200)),
      ...{ says: /^pcrs-to-sqlite: taken is not a database/, status: [1, 2] },
    },
    {
      name: 'a file for the directory of snapshots',
      command: 'pcrs-to-sqlite --snapshot taken',
      make: (cwd) => writeFileSync(join(cwd, 'taken'), 'precious'),
      ...{ says: /^pcrs-to-sqlite: .*taken/, status: [1, 2] },
    },
    {
      name: 'a file for the directory of CSV files',
      command: 'pcrs-to-csv --dir taken',
      make: (cwd) => writeFileSync(join(cwd, 'taken'), 'precious'),
      ...{ says: /^pcrs-to-csv: .*taken/, status: [1, 2] },
    },
    {
      name: 'a file for an archive',
      command: 'pcrs-posture --archive taken',
      make: (cwd) => writeFileSync(join(cwd, 'taken'), 'precious'),
      ...{ says: /^pcrs-posture: .*taken/, status: [1, 2] },
    },
    {
      name: 'a directory with other files for an archive',
      command: 'pcrs-posture --archive taken --resume',
      make: (cwd) => {
        mkdirSync(join(cwd, 'taken'));
        writeFileSync(join(cwd, 'taken', 'precious'), 'precious');
      },
      ...{ says: /^pcrs-posture: .*taken/, status: [2] },
    },
  ];
  for (const { name, command, make, says, status } of cases) {
    test(`${name} is reported in one line, and left unchanged`, async () => {
      const cwd = place.folder();
      make(cwd);
      const before = filesOf(cwd);
      const ended = await place.bash(command, {
        cwd,
        input: command.startsWith('pcrs-posture') ? hostidsOnly() : stream,
      });
      assert.ok(status.includes(ended.status!), `${ended.status}`);
      oneLine(ended, ended.status!, says);
      assert.deepEqual(filesOf(cwd), before);
    });
  }
});

function filesOf(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path, entry.isFile() ? readFileSync(path, 'latin1') : 'directory'];
  });
}
