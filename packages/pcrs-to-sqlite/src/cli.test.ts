import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  end,
  hostIds,
  lines,
  newDatabase,
  policy,
  posture,
  query,
  run,
  session,
  start,
  status,
} from './fixture.test.ts';

const bin = fileURLToPath(new URL('../bin/pcrs-to-sqlite.js', import.meta.url));

interface Ended {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Starts the tool in the directory of the database. */
function startTool(path: string, args: readonly string[], limits = ''): ChildProcessWithoutNullStreams {
  const command = [execPath, '--conditions=pcrs-source', bin, ...args];
  const shell = ['-c', `${limits} exec "$@"`, 'bash', ...command];
  return spawn('bash', shell, { cwd: dirname(path), stdio: 'pipe' });
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  const [code, signal] = await once(child, 'close');
  return { status: code, signal, stdout, stderr };
}

async function tool(
  path: string,
  args: readonly string[],
  records: (object | string)[],
  limits = '',
): Promise<Ended> {
  const child = startTool(path, args, limits);
  const result = ended(child);
  child.stdin.end(Buffer.concat(lines(...records)));
  return await result;
}

/** Postures of many controls and hosts. */
function* postures(count: number): Generator<object> {
  for (let id = 1; id <= count; id += 1) yield { ...posture, id, hostId: 1 + (id % 50), controlId: id % 97 };
}

test('prints the loaded record, and nothing on stderr', async () => {
  const path = newDatabase();
  const { status: code, stdout, stderr } = await tool(path, ['posture.db'], run([policy, hostIds, posture]));
  assert.equal(stderr, '');
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), {
    kind: 'loaded',
    database: 'posture.db',
    runId: session()['runId'],
    complete: true,
    rows: { q_pcrs_policy_list: 1, q_pcrs_hostids: 2, q_pcrs_postureinfo: 1, q_pcrs_postureinfo_controls: 1 },
    base: 'full',
    fullRunAt: session()['startedAt'],
    scope: {},
    stale: 0,
    hostsWithoutPosture: 1,
    addedColumns: [],
    ...{ verified: null, filtered: {}, supplied: {}, edited: [] },
    problems: {},
  });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('ends with 6 for an incomplete run, names the stage, and still prints the loaded record', async () => {
  const path = newDatabase();
  const failed = [
    session(),
    start('pcrs-policies'),
    end('pcrs-policies', { ok: false, status: 5, error: { message: '503' } }),
  ];
  const { status: code, stdout, stderr } = await tool(path, ['posture.db'], failed);
  assert.equal(stderr, 'pcrs-to-sqlite: run incomplete: pcrs-policies ended 5: 503\n');
  assert.equal(code, 6);
  assert.equal(JSON.parse(stdout).complete, false);
});

test('ends with 2 for conflicting flags, with 7 for no record, with 3 for a bad one', async () => {
  const path = newDatabase();
  const cases: [string[], (object | string)[], number, RegExp][] = [
    [[], [], 2, /give either a database file or --snapshot DIR/],
    [['posture.db', '--snapshot', '.'], [], 2, /give either/],
    [['posture.db', '--name', 'x'], [], 2, /--name works only with --snapshot/],
    [['--snapshot', '.', '--prune'], [], 2, /--prune works only with a database file/],
    [['--snapshot', '.', '--name', '../x'], [], 2, /--name must consist of letters/],
    [['.'], [policy], 2, /is a directory/],
    [[''], [policy], 2, /"" is not a database file; give a file name/],
    [['-'], [policy], 2, /"-" is not a database file/],
    [[':memory:'], [policy], 2, /":memory:" is not a database file/],
    [['posture.db'], [], 7, /no records;/],
    [
      ['posture.db', '--unknown', 'fail'],
      [{ ...policy, x: 1 }],
      3,
      /^pcrs-to-sqlite: stdin:1: has a member "x"/,
    ],
    [
      ['strict.db', '--strict'],
      run([policy]).toSpliced(4, 1),
      6,
      /differs from what its stages made: filtered 1 policy/,
    ],
  ];
  await Promise.all(
    cases.map(async ([args, records, expected, pattern]) => {
      const { status: code, stderr } = await tool(path, args, records);
      assert.match(stderr, pattern);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.equal(code, expected, stderr);
    }),
  );
});

test('--group-readable lets the group read what it makes, and nobody else', async () => {
  const path = newDatabase();
  const folder = dirname(path);
  for (const args of [
    ['group.db', '--group-readable'],
    ['--snapshot', 'group', '--group-readable'],
  ])
    assert.equal((await tool(path, args, run([policy]))).status, 0);
  const mode = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8);
  assert.deepEqual(['group.db', 'group', 'group/latest.db'].map(mode), ['640', '750', '640']);
});

test('leaves a valid, consistent database when killed, and the same stream loads on top', async () => {
  const path = newDatabase();
  const truth = run([policy, hostIds, ...postures(10_000)]);
  const bytes = Buffer.concat(lines(...truth));
  for (const share of [0.6, 0.97]) {
    const child = startTool(path, ['posture.db']);
    const result = ended(child);
    child.stdin.write(bytes.subarray(0, bytes.length * share));
    const before = committed(path);
    while (committed(path) <= before && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    assert.equal((await result).signal, 'SIGKILL');
    assert.equal(query(path, 'PRAGMA integrity_check')[0]?.['integrity_check'], 'ok');
    assert.equal(status(path, 'LOAD')?.['state'], 'loading');
    assert.equal(status(path, 'ALL_TABLES_LOADED_SUCCESSFULLY'), undefined);
    assert.equal(
      query(path, 'SELECT 1 FROM v_pcrs_postureinfo WHERE controlStatement IS NULL').length,
      0,
      'no half record',
    );
  }
  const { status: code, stdout } = await tool(path, ['posture.db'], truth);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).rows.q_pcrs_postureinfo, 10_000);
  assert.deepEqual(readdirSync(dirname(path)), ['posture.db']);
});

/** Number of lines that the current load has committed. */
function committed(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    return Number(status(path, 'LOAD')?.['lines'] ?? 0);
  } catch {
    return 0;
  }
}

test('ends with 130 when interrupted, keeps whole records, and leaves no journal', async () => {
  const path = newDatabase();
  const child = startTool(path, ['posture.db']);
  const result = ended(child);
  child.stdin.write(Buffer.concat(lines(session(), policy, ...postures(50))));
  while (committed(path) < 52) await new Promise((resolve) => setTimeout(resolve, 50));
  child.stdin.write(JSON.stringify(policy).slice(0, 20));
  child.kill('SIGINT');
  const { status: code, stderr } = await result;
  assert.equal(stderr, 'pcrs-to-sqlite: interrupted by SIGINT\n');
  assert.equal(code, 130);
  assert.equal(status(path, 'LOAD')?.['state'], 'interrupted');
  assert.deepEqual(readdirSync(dirname(path)), ['posture.db']);
});

test('reports that a file cannot grow, and keeps what was committed', async () => {
  const path = newDatabase();
  const { status: code, stderr } = await tool(
    path,
    ['posture.db'],
    run([policy, ...postures(40_000)]),
    'ulimit -f 12000;',
  );
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^pcrs-to-sqlite: posture\.db (failed: disk I\/O error|cannot grow).*\n$/);
  assert.equal(query(path, 'PRAGMA integrity_check')[0]?.['integrity_check'], 'ok');
  // A transaction ends after 16,000 records, or earlier if the machine is so busy that the stream seems to pause.
  assert.ok(query(path, 'SELECT 1 FROM q_pcrs_postureinfo').length > 0);
  assert.deepEqual(readdirSync(dirname(path)), ['posture.db']);
});

test('holds exactly what the simulator sent, value for value', async () => {
  const path = newDatabase();
  const simulator = fileURLToPath(import.meta.resolve('pcrs-simulator/cli')).replace(
    'src/cli.ts',
    'bin/pcrs-simulator.js',
  );
  const world = ['--print', 'posture', '--evidence', '--policies', '4', '--hosts', '12', '--controls', '12'];
  const printing = spawn(execPath, ['--conditions=pcrs-source', simulator, ...world], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of printing.stdout.setEncoding('utf8')) text += chunk;
  const sent = text.trimEnd().split('\n');
  assert.ok(sent.length > 50);
  const { status: code } = await tool(path, [join(dirname(path), 'posture.db')], sent);
  assert.equal(code, 0);
  const find = `SELECT * FROM q_pcrs_postureinfo JOIN q_pcrs_postureinfo_controls USING (policyId, controlId, technologyId)
    WHERE policyId = ? AND hostId = ? AND id = ? AND currentBatch = ?`;
  for (const line of sent) {
    const record = JSON.parse(line);
    const rows = query(
      path,
      find,
      record.policyId,
      record.hostId,
      record.id,
      String(record.currentBatch ?? 0),
    );
    assert.equal(rows.length, 1);
    for (const [name, value] of Object.entries(record)) {
      if (name === 'kind') continue;
      const stored = rows[0]?.[name];
      if (value === null) assert.equal(stored, null, name);
      else if (typeof value === 'object') assert.ok(line.includes(`"${name}":${stored}`), name);
      else
        assert.equal(String(stored), typeof value === 'string' ? value.toWellFormed() : String(value), name);
    }
  }
});
