import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { toPostgres } from 'pcrs-to-postgres';
import { type SmallDisk, smallDisk } from '../support/faults-disk.ts';
import {
  asRun,
  asStream,
  connected,
  hostIds,
  lacking,
  load,
  openPostgres,
  policy,
  posture,
  psql,
  query,
  runId,
  script,
} from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const server = (await openPostgres()) as PostgresServer;
const skip = lacking(server);
const withPsql = { skip: lacking(server, 'psql') };
const place = mkdtempSync(join(tmpdir(), 'pcrs-small-'));
chmodSync(place, 0o755);
const disk = smallDisk(join(place, 'disk'), '4m');
after(() => {
  disk?.unmount();
  rmSync(place, { recursive: true, force: true });
});
let schemas = 0;
const newSchema = (): string => `s${++schemas}`;
const whole = asRun([policy, hostIds, posture(), posture({ id: 8, hostId: 2, dns: 'x'.repeat(1000) })]);

async function exists(schema: string): Promise<boolean> {
  return (
    (await query(server, 'SELECT to_regnamespace($1) IS NOT NULL AS there', [schema]))[0]?.['there'] === true
  );
}

const rowsIn = async (schema: string) =>
  (await query(server, `SELECT count(*)::int AS n FROM ${schema}.q_pcrs_postureinfo`))[0]?.['n'];

test('a missing server is one line and status 1', { skip }, async () => {
  const there = toPostgres(
    { host: join(server.env.PGHOST, 'nowhere'), user: 'x', database: 'x' },
    asStream(whole),
    { schema: 'x', lockTimeoutMs: 1000 },
  );
  await assert.rejects(there, { code: 'PCRS_MACHINE', message: /nowhere.*ENOENT.*nothing was loaded/ });
});

test('distinguishes a wrong password, a missing database and missing rights', { skip }, async () => {
  writeFileSync(
    join(server.data, 'pg_hba.conf'),
    'local all locked_out scram-sha-256\nlocal all all trust\n',
  );
  await query(
    server,
    "CREATE ROLE locked_out LOGIN PASSWORD 'right'; CREATE ROLE without_rights LOGIN; SELECT pg_reload_conf()",
  );
  await wait(300);
  const at = (more: object) =>
    toPostgres({ host: server.env.PGHOST, database: 'postgres', ...more }, asStream(whole), {
      schema: newSchema(),
      lockTimeoutMs: 1000,
    });
  await assert.rejects(at({ user: 'locked_out', password: 'wrong' }), {
    code: 'PCRS_REFUSED',
    message: /password authentication failed/,
  });
  await assert.rejects(at({ user: 'postgres', database: 'nowhere' }), {
    code: 'PCRS_USAGE',
    message: /"nowhere" does not exist.*createdb/,
  });
  await assert.rejects(at({ user: 'without_rights' }), {
    code: 'PCRS_REFUSED',
    message: /permission denied.*needs TEMPORARY on the database, and CREATE/,
  });
});

/** Loads a schema, and opens a transaction that has read from it. */
async function readerOfLoaded(schema: string) {
  await load(server, schema, whole);
  const reader = await connected(server);
  await reader.query(`BEGIN; SELECT count(*) FROM ${schema}.v_pcrs_postureinfo`);
  return reader;
}

test("waits for a reader's lock for the given time; readers do not block rows", {
  skip,
}, async () => {
  const schema = newSchema();
  const reader = await readerOfLoaded(schema);
  await load(server, schema, asRun([posture({ id: 9 })]), { lockTimeoutMs: 300 });
  const wider = load(server, schema, asRun([posture({ id: 10, brandNew: 1 })]), { lockTimeoutMs: 300 });
  await assert.rejects(wider, { code: 'PCRS_MACHINE', message: /lock timeout.*--lock-timeout/ });
  await reader.query('COMMIT');
  await reader.end();
  assert.equal(await rowsIn(schema), 3);
  await load(server, schema, asRun([posture({ id: 10, brandNew: 1 })]), { lockTimeoutMs: 300 });
  assert.equal(await rowsIn(schema), 4);
});

test('loads into one schema follow each other', { skip }, async () => {
  const schema = newSchema();
  const loads = [1, 2, 3, 4].map((id) => load(server, schema, asRun([posture({ id })])));
  assert.deepEqual(
    (await Promise.all(loads)).map((loaded) => loaded['complete']),
    [true, true, true, true],
  );
  assert.equal(await rowsIn(schema), 4);
});

test('a connection lost midway is status 1, and the next load is right', { skip }, async () => {
  const schema = newSchema();
  await load(server, schema, asRun([posture({ id: 100 })]));
  async function* lost(): AsyncGenerator<Uint8Array> {
    for (const line of whole.slice(0, 3)) yield Buffer.from(`${line}\n`);
    await query(
      server,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pcrs-to-postgres'",
    );
    for (const line of whole.slice(3)) yield Buffer.from(`${line}\n`);
  }
  const { PGHOST: host, PGUSER: user, PGDATABASE: database } = server.env;
  await assert.rejects(toPostgres({ host, user, database }, lost(), { schema, lockTimeoutMs: 1000 }), {
    code: 'PCRS_MACHINE',
  });
  assert.equal(await rowsIn(schema), 1);
  await load(server, schema, whole);
  assert.equal(await rowsIn(schema), 3);
});

test('leaves foreign objects alone: a table, a status table, a column of another type', {
  skip,
}, async () => {
  const [one, two, three, four] = [newSchema(), newSchema(), newSchema(), newSchema()];
  await query(server, `CREATE SCHEMA ${one}; CREATE TABLE ${one}.q_pcrs_postureinfo (id int)`);
  await assert.rejects(load(server, one, whole), {
    code: 'PCRS_USAGE',
    message: /q_pcrs_postureinfo of another program/,
  });
  await query(server, `CREATE SCHEMA ${two}; CREATE TABLE ${two}.q_pcrs_status (id int)`);
  await assert.rejects(load(server, two, whole), {
    code: 'PCRS_USAGE',
    message: /q_pcrs_status of another program/,
  });
  await load(server, three, whole);
  await query(server, `ALTER TABLE ${three}.q_pcrs_postureinfo ADD COLUMN extra int`);
  await assert.rejects(load(server, three, [posture({ extra: 'text' })]), {
    code: 'PCRS_USAGE',
    message: /extra has the type integer, not text/,
  });
  await load(server, four, whole);
  await query(server, `COMMENT ON TABLE ${four}.q_pcrs_status IS 'pcrs layout 99'`);
  await assert.rejects(load(server, four, whole), { code: 'PCRS_USAGE', message: /newer pcrs-to-postgres/ });
});

test('refuses another subscription and an older run by name', { skip }, async () => {
  const schema = newSchema();
  await load(server, schema, whole);
  const other = policy.replace('263191', '999');
  await assert.rejects(load(server, schema, asRun([other])), {
    code: 'PCRS_RECORD',
    message: /holds subscription 263191 .* 999/,
  });
  await assert.rejects(load(server, schema, asRun([policy], { gateway: 'https://other.example' })), {
    code: 'PCRS_RECORD',
    message: /other\.example/,
  });
  await assert.rejects(load(server, newSchema(), [policy, other]), {
    code: 'PCRS_RECORD',
    message: /263191 and 999/,
  });
  const older = { runId: runId.replace(/1$/, '2'), startedAt: '2026-11-19T00:00:00.000Z' };
  await assert.rejects(load(server, schema, asRun([policy], older)), {
    code: 'PCRS_RECORD',
    message: /--allow-older/,
  });
  assert.equal((await load(server, schema, asRun([policy], older), { allowOlder: true }))['complete'], true);
});

const broken: [string, string[], Partial<Parameters<typeof load>[3]>, RegExp][] = [
  [
    'whose stage failed',
    asRun([policy, posture()], { ok: false }),
    {},
    /run incomplete: pcrs-policies ended 5/,
  ],
  ['that was cut', whole.slice(0, -1), {}, /broke off/],
  ['with a bad line', [...whole.slice(0, 4), 'nonsense', ...whole.slice(4)], {}, /stdin:5: /],
  [
    'without a run that must be one',
    [policy, posture()],
    { requireRun: true },
    /nothing proves the stream complete/,
  ],
  ['without a record', [], {}, /no records;/],
];

for (const [what, lines, options, message] of broken) {
  test(`a stream ${what} loads nothing, over a connection or by psql`, { skip }, async () => {
    const [one, other] = [newSchema(), newSchema()];
    await assert.rejects(load(server, one, lines, options), { message });
    assert.equal(await exists(one), false);
    if (server.psql === undefined) return;
    for (const args of [[], ['-1']]) {
      const { text, error } = await script(other, lines, options);
      assert.match(error?.message ?? '', message);
      const { status, stderr } = await psql(server, text, ...args);
      assert.deepEqual([status, await exists(other)], [3, false], stderr);
    }
  });
}

test('a script that is cut anywhere commits nothing and fails, also under psql -1', withPsql, async () => {
  const schema = newSchema();
  const { text } = await script(schema, whole);
  const commit = text.lastIndexOf('\\gexec') + '\\gexec'.length;
  const places = new Set([
    1,
    40,
    text.indexOf('BEGIN;') + 6,
    text.length - 3,
    ...Array.from({ length: 25 }, (_, index) => commit - 1 - index * index),
  ]);
  for (
    let at = text.indexOf('FROM STDIN'), count = 0;
    at > 0 && count < 8;
    at = text.indexOf('FROM STDIN', at + 3000), count += 1
  ) {
    for (const more of [0, 11, 13, 20, 200]) places.add(Math.min(at + more, commit - 1));
  }
  for (const cut of places) {
    const { status, stderr } = await psql(server, text.subarray(0, cut), ...(cut % 2 === 0 ? ['-1'] : []));
    if (cut >= commit) {
      // All of it came but its last line: psql fails, and its work is complete.
      assert.equal(status, 3);
      await query(server, `DROP SCHEMA ${schema} CASCADE`);
      continue;
    }
    assert.equal(await exists(schema), false, `cut at ${cut}: ${stderr}`);
    // psql knows nothing of a script before it has read the first lines.
    if (cut > text.indexOf('BEGIN;')) assert.equal(status, 3, `cut at ${cut}: ${stderr}`);
  }
});

test('rows are not read as SQL if every statement is refused and nothing stops psql', withPsql, async () => {
  const schema = newSchema();
  await query(server, 'CREATE TABLE public.canary (x int)');
  const evil = [
    '; DROP TABLE public.canary; --',
    "'); DROP TABLE public.canary; --",
    '\\! touch canary',
    '\n\\.\nDROP TABLE public.canary;\n',
    '*/ DROP TABLE public.canary;',
  ];
  const lines = asRun(
    evil.flatMap((text, id) => [
      posture({ id, instance: text, netBios: `${text}`, [text.trim()]: text }),
      JSON.stringify({ kind: 'policy', subscriptionId: 0, id, title: text }),
    ]),
  );
  const { text } = await script(schema, lines);
  const careless = text.toString().replace('\\set ON_ERROR_STOP on\n', '');
  for (const refused of [
    careless,
    careless.replaceAll('CREATE TEMPORARY', 'CREATE NONSENSE'),
    careless.replaceAll('COPY pg_temp.', 'COPY nowhere.'),
    careless.replace('BEGIN;\n', ''),
  ]) {
    await psql(server, Buffer.from(refused));
    assert.equal(
      (await query(server, "SELECT to_regclass('public.canary') IS NOT NULL AS there"))[0]?.['there'],
      true,
    );
    await query(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  }
});

test("a full disk of the server's is one line and status 1, and once it has room the next load is right", {
  skip: skip || (disk === undefined && 'no file system of its own for a test here'),
}, async () => {
  const small = disk as SmallDisk;
  const tablespace = join(small.path, 'tablespace');
  mkdirSync(tablespace);
  if (process.getuid?.() === 0) chownSync(tablespace, 65534, 65534);
  await query(server, `CREATE TABLESPACE small LOCATION '${tablespace}'`);
  const many = asRun([
    policy,
    hostIds,
    ...Array.from({ length: 6000 }, (_, id) => posture({ id, dns: 'x'.repeat(1000) })),
  ]);
  // Rows wait in temporary tables, then go into lasting ones: either may be what fills the disk.
  for (const setting of ['temp_tablespaces', 'default_tablespace']) {
    const schema = newSchema();
    await query(server, `ALTER ROLE postgres SET ${setting} = 'small'`);
    await load(server, schema, whole);
    await assert.rejects(load(server, schema, many), {
      code: 'PCRS_MACHINE',
      message: /No space left on device.*the server's disk is full$/,
    });
    assert.equal(await rowsIn(schema), 2, setting);
    small.grow('64m');
    assert.equal((await load(server, schema, many))['complete'], true);
    assert.equal(await rowsIn(schema), 6001, setting);
    await query(server, `DROP SCHEMA ${schema} CASCADE; ALTER ROLE postgres RESET ${setting}`);
    await query(server, 'CHECKPOINT');
    small.grow('4m');
  }
});

test('prunes what a complete run of everything does not name, and nothing for less', { skip }, async () => {
  const later = { runId: runId.replace(/1$/, '3'), startedAt: '2026-11-21T00:00:00.000Z' };
  const source = { stage: 'pcrs-from-sqlite' };
  const fewer = [policy, hostIds, posture()];
  const title = { options: { title: { value: 'x', from: 'flag' } } };
  const dated = { options: { 'evaluated-since': { value: '2026-11-20', from: 'flag' } } };
  const proving: [string, string[], RegExp][] = [
    [
      'another scope',
      asRun(fewer, { ...later, ...source, ...title }),
      /of another scope.*\n.*this run has another scope/,
    ],
    ['a date', asRun(fewer, { ...later, ...source, ...dated }), /limited by .*--evaluated-since 2026-11-20/],
    ['no run', fewer, /the stream has no run/],
    ['a filter', asRun(whole.slice(2, -1), { ...later, ...source }).toSpliced(4, 1), /were filtered/],
  ];
  for (const [what, lines, why] of proving) {
    const schema = newSchema();
    await load(server, schema, asRun(whole.slice(2, -1), source));
    const warnings: string[] = [];
    const log = { warn: (line: string) => warnings.push(line), note() {} };
    assert.equal((await load(server, schema, lines, { prune: true, log }))['stale'], null, what);
    assert.match(warnings.join('\n'), why);
    assert.equal(await rowsIn(schema), 2, what);
  }
  const schema = newSchema();
  await load(server, schema, asRun(whole.slice(2, -1), source));
  // A list of policies alone proves nothing about postures.
  await load(server, schema, asRun([policy], later), { prune: true });
  assert.equal(await rowsIn(schema), 2);
  assert.equal((await load(server, schema, asRun(fewer, { ...later, ...source })))['stale'], 1);
  const stale = async () =>
    (await load(server, schema, asRun(fewer, { ...later, ...source }), { prune: true }))['stale'];
  assert.equal(await stale(), 1);
  assert.equal(await rowsIn(schema), 1);
  assert.equal(await stale(), 0);
});

test('a script warns in psql of rows that are gone, and of a --prune that removed nothing', {
  skip,
}, async () => {
  const later = { runId: runId.replace(/1$/, '3'), startedAt: '2026-11-21T00:00:00.000Z' };
  const source = { stage: 'pcrs-from-sqlite' };
  const schema = newSchema();
  await load(server, schema, asRun(whole.slice(2, -1), source));
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line), note() {} };
  const fewer = asRun([policy, hostIds, posture()], { ...later, ...source });
  await load(server, schema, fewer, { log });
  const gone = '1 row is no longer at the gateway; --prune removes them';
  assert.deepEqual(warnings, [gone]);
  const { text } = await script(schema, fewer);
  assert.match(
    (await psql(server, text)).stderr,
    /^WARNING: +1 row is no longer at the gateway; --prune removes them$/m,
  );
  const title = { options: { title: { value: 'x', from: 'flag' } } };
  const other = await script(schema, asRun([policy], { ...later, ...source, ...title }), { prune: true });
  const { status, stderr } = await psql(server, other.text);
  assert.match(stderr, /^WARNING: +nothing pruned: the schema also holds records of another scope/m);
  assert.match(stderr, /^WARNING: +this run has another scope than what was loaded before/m);
  assert.equal(stderr.trim().split('\n').length, 2);
  assert.equal(status, 0);
});

test('an error in a script is a line or two in psql, without the statements of its blocks', {
  skip,
}, async () => {
  const schema = newSchema();
  const reader = await readerOfLoaded(schema);
  const wider = await script(schema, asRun([posture({ id: 10, brandNew: 1 })]), { lockTimeoutMs: 300 });
  const { status, stderr } = await psql(server, wider.text);
  await reader.end();
  assert.equal(status, 3);
  assert.doesNotMatch(stderr, /CONTEXT|PL.pgSQL/);
});
