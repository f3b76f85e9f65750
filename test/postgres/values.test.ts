import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openForReading } from 'pcrs-database/open';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { toSqlite } from 'pcrs-to-sqlite';
import {
  asRun,
  asStream,
  hostIds,
  lacking,
  load,
  openPostgres,
  policy,
  posture,
  psql,
  query,
  type Row,
  script,
} from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const server = (await openPostgres()) as PostgresServer;
const skip = lacking(server);
let schemas = 0;
const newSchema = (): string => `s${++schemas}`;
const tables = [policyTable, hostIdsTable, postureTable, controlsTable].map(({ name }) => name);

const strange = [
  policy,
  hostIds,
  posture({
    dns: '\\.',
    netBios: 'a\tb\\c\r\n\\n"/',
    os: "'; DROP TABLE q_pcrs_postureinfo; --",
    ip: '$pcrs$ \\gexec :x',
    osCpe: '',
  }),
  posture(
    { id: 8, networkId: 0, customerId: '0094271', created: null },
    '"dns":"x\\u0000y","os":"\\ud800 \\ud83d\\ude00 \\u00e9\\/","evidence":{"a" : [1.50,1e400,"\\u0000 \\\\u0000 \\udfff \\ud83d\\ude00"],"a":{}}',
  ),
  posture({
    id: 9,
    evidence: 'n/a',
    causeOfFailure: [],
    CloudMetaData: { x: '🜚' },
    policyTitle: '🜚 ‰',
    technology: { id: 3, name: 'W\\' },
    criticality: null,
  }),
  '{"kind":"posture","id":9223372036854775807,"policyId":85361,"hostId":2,"controlId":5,"currentBatch":2,"Status":"x","na me\\"%1$I":[1],"\'; DROP":"y","ctid":"z"}',
];

async function rowsOf(schema: string): Promise<Row[][]> {
  const all: Row[][] = [];
  for (const table of tables) {
    const rows = await query(
      server,
      `SELECT (to_jsonb(t) - '{batch_date,batch_number,row_last_updated}'::text[])::text AS row FROM ${schema}.${table} t ORDER BY 1`,
    );
    all.push(rows);
  }
  return all;
}

test('every value arrives as it is, and none is read as SQL', { skip }, async () => {
  const schema = newSchema();
  const loaded = await load(server, schema, asRun(strange));
  const [one, two, three, four] = await query(
    server,
    `SELECT * FROM ${schema}.v_pcrs_postureinfo ORDER BY id`,
  );
  assert.deepEqual(
    [one?.['dns'], one?.['netbios'], one?.['os'], one?.['ip'], one?.['oscpe']],
    ['\\.', 'a\tb\\c\r\n\\n"/', "'; DROP TABLE q_pcrs_postureinfo; --", '$pcrs$ \\gexec :x', ''],
  );
  assert.deepEqual(
    [two?.['dns'], two?.['os'], two?.['created'], two?.['customerid'], two?.['networkid']],
    ['x\ufffdy', '\ufffd 😀 é/', null, '0094271', '0'],
  );
  const [evidence] = await query(
    server,
    `SELECT evidence::text AS e FROM ${schema}.q_pcrs_postureinfo WHERE id = 8`,
  );
  assert.equal(evidence?.['e'], '{"a" : [1.50,1e400,"\\ufffd \\\\u0000 \\ufffd \\ud83d\\ude00"],"a":{}}');
  assert.deepEqual(
    [
      three?.['evidence_other'],
      three?.['causeoffailure_other'],
      three?.['technology_id'],
      three?.['technology_name'],
    ],
    ['"n/a"', '[]', '3', 'W\\'],
  );
  assert.deepEqual(
    [three?.['policytitle'], three?.['cloudmetadata'], three?.['cloudmetadata_jsonb']],
    ['🜚 ‰', { x: '🜚' }, { x: '🜚' }],
  );
  assert.deepEqual(
    [four?.['id'], four?.['currentbatch'], four?.['status'], four?.['na me"%1$i'], four?.["'; drop"]],
    ['9223372036854775807', '2', 'x', '[1]', 'y'],
  );
  const [unknown] = await query(
    server,
    `SELECT unknown_members::text AS u FROM ${schema}.q_pcrs_postureinfo WHERE hostid = 2`,
  );
  assert.equal(unknown?.['u'], '{"ctid":"z"}');
  assert.deepEqual(loaded['problems'], { nulCharacters: 2, loneSurrogates: 2, differingDuplicates: 1 });
});

test('a script for psql makes the same rows as a connection', { skip: lacking(server, 'psql') }, async () => {
  const [one, other] = [newSchema(), newSchema()];
  await load(server, one, asRun(strange));
  const { text, error } = await script(other, asRun(strange));
  const { status, stderr, stdout } = await psql(server, text);
  assert.deepEqual([error, status, stderr, stdout], [undefined, 0, '', '']);
  assert.deepEqual(await rowsOf(other), await rowsOf(one));
});

test('the same stream again touches no row', { skip }, async () => {
  const schema = newSchema();
  await load(server, schema, asRun(strange));
  const versions = async () =>
    Promise.all(
      tables.map((table) =>
        query(server, `SELECT ctid::text, xmin::text FROM ${schema}.${table} ORDER BY 1`),
      ),
    );
  const before = await versions();
  await load(server, schema, asRun(strange));
  assert.deepEqual(await versions(), before);
});

test('ids beyond bigint, names that are too long, and members without end', { skip }, async () => {
  const schema = newSchema();
  await assert.rejects(load(server, schema, [posture({}, '"assetId":9223372036854775808')]), {
    code: 'PCRS_RECORD',
    message: /stdin:1: assetId must be at most 2\^63-1 .*9223372036854775808/,
  });
  assert.equal((await query(server, 'SELECT to_regnamespace($1) AS s', [schema]))[0]?.['s'], null);
  const long = 'x'.repeat(64);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`m${index}`, index]));
  await load(server, schema, [posture({ [long]: 1 }), posture({ id: 8, ...many })]);
  const [first, second] = await query(server, `SELECT * FROM ${schema}.q_pcrs_postureinfo ORDER BY id`);
  assert.deepEqual(first?.['unknown_members'], { [long]: 1 });
  const columns = Object.keys(second ?? {}).filter((name) => /^m\d+$/.test(name));
  assert.equal(columns.length + Object.keys(second?.['unknown_members'] as object).length, 300);
  assert.ok(columns.every((name) => second?.[name] === name.slice(1)));
});

test('views keep their columns and grants when a load adds more', { skip }, async () => {
  const schema = newSchema();
  await load(server, schema, [posture({ tags: 1 })]);
  await query(
    server,
    `CREATE ROLE reader_${schema} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO reader_${schema}; GRANT SELECT ON ${schema}.v_pcrs_postureinfo TO reader_${schema}; CREATE VIEW ${schema}.mine AS SELECT tags FROM ${schema}.v_pcrs_postureinfo`,
  );
  await load(server, schema, [posture({ owner: 'me' })]);
  const [row] = await query(server, `SET ROLE reader_${schema}; SELECT 1`).then(() =>
    query(
      server,
      `SELECT tags, owner, lastfaildate_at FROM ${schema}.v_pcrs_postureinfo, has_table_privilege('reader_${schema}', '${schema}.v_pcrs_postureinfo', 'SELECT') AS may WHERE may`,
    ),
  );
  assert.deepEqual(row, { tags: '1', owner: 'me', lastfaildate_at: null });
  await load(server, schema, [posture({ owner: 'you' })]);
  assert.deepEqual(await query(server, `SELECT tags FROM ${schema}.mine`), [{ tags: '1' }]);
});

test('evidence belongs to an evaluation: absent from a newer one it becomes NULL, any other member stays', {
  skip,
}, async () => {
  const [first, later] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
  const old = { lastEvaluatedDate: first, evidence: { x: 1 }, dns: 'a' };
  const cases: [object[], unknown][] = [
    [[{ lastEvaluatedDate: first }], { x: 1 }],
    [[{ lastEvaluatedDate: later }], null],
    [[{ status: 'Passed' }], null],
    [[{ lastEvaluatedDate: later }, { id: 8, evidence: {} }], null],
    [[{ lastEvaluatedDate: first }, { id: 8, evidence: {} }], { x: 1 }],
  ];
  for (const [records, evidence] of cases) {
    const schema = newSchema();
    await load(server, schema, [posture(old)]);
    await load(
      server,
      schema,
      records.map((members) => posture(members)),
    );
    const [row] = await query(server, `SELECT dns, evidence FROM ${schema}.q_pcrs_postureinfo WHERE id = 7`);
    assert.deepEqual(row, { dns: 'a', evidence }, JSON.stringify(records));
  }
});

test("a member that only a load's later records have stays unchanged for the earlier ones", {
  skip,
}, async () => {
  const schema = newSchema();
  await load(server, schema, [posture({ tags: 't', '': { a: 1 } })]);
  await load(server, schema, [posture({ '': 2 }), posture({ id: 8, tags: 'u' }), posture({ '\u0001': [] })]);
  const rows = await query(
    server,
    `SELECT tags, unknown_members FROM ${schema}.q_pcrs_postureinfo ORDER BY id`,
  );
  assert.deepEqual(rows, [
    { tags: 't', unknown_members: { '': 2, '\u0001': [] } },
    { tags: 'u', unknown_members: null },
  ]);
});

const statuses = fc.constantFrom('Passed', 'Failed', null, undefined);
const record = fc.record({
  id: fc.constantFrom(1, 2),
  hostId: fc.constantFrom(1, 2),
  status: statuses,
  dns: fc.constantFrom('a', 'b', '', null, undefined),
  lastEvaluatedDate: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', undefined),
  evidence: fc.constantFrom({ x: 1 }, null, undefined),
  causeOfFailure: fc.constantFrom({ missing: 'm' }, undefined),
  tags: fc.constantFrom('t', 'u', undefined),
  // Names that no column can have.
  '': fc.constantFrom(1, { a: [] }, undefined),
  '\u0001': fc.constantFrom('x', null, undefined),
  rationale: fc.constantFrom('r', 'q', undefined),
});

test('keys, absent members and repeated records mean the same as in SQLite', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-values-'));
  let files = 0;
  const property = fc.asyncProperty(
    fc.array(fc.array(record, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
    async (loads) => {
      const schema = newSchema();
      const path = join(folder, `${++files}.db`);
      for (const records of loads) {
        const lines = records.map((members) =>
          JSON.stringify({ kind: 'posture', policyId: 3, controlId: 5, ...members }),
        );
        await load(server, schema, lines);
        await toSqlite(path, asStream(lines));
      }
      for (const table of [postureTable, controlsTable])
        assert.deepEqual(await storedInPostgres(schema, table.name), await storedInSqlite(path, table.name));
      await query(server, `DROP SCHEMA ${schema} CASCADE`);
    },
  );
  try {
    await fc.assert(property, { numRuns: process.env['PCRS_FAULTS'] === 'long' ? 300 : 25 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const bookkeeping = new Set(['batch_date', 'batch_number', 'row_last_updated']);

/** Rows as texts by name, without NULLs. */
function plain(row: Row): string {
  const members = Object.entries(row).flatMap(([name, value]): [string, string][] =>
    value === null || bookkeeping.has(name.toLowerCase())
      ? []
      : [[name.toLowerCase(), typeof value === 'object' ? JSON.stringify(value) : String(value)]],
  );
  return JSON.stringify(members.sort());
}

async function storedInPostgres(schema: string, table: string): Promise<string[]> {
  return (await query(server, `SELECT * FROM ${schema}.${table}`)).map(plain).sort();
}

async function storedInSqlite(path: string, table: string): Promise<string[]> {
  const { db, close } = await openForReading(path);
  try {
    return (db.prepare(`SELECT * FROM ${table}`).safeIntegers().all() as Row[]).map(plain).sort();
  } finally {
    close();
  }
}

test('of texts that change within a stream the last stays, and the same stream again touches no row', {
  skip,
}, async () => {
  const schema = newSchema();
  const lines = Array.from({ length: 3000 }, (_, index) =>
    posture({ id: index + 1, rationale: `text ${index % 2}` }),
  );
  const rows = () => query(server, `SELECT xmin::text, rationale FROM ${schema}.q_pcrs_postureinfo_controls`);
  const first = await load(server, schema, lines);
  const { differingDuplicates } = first['problems'] as { differingDuplicates: number };
  assert.equal(differingDuplicates, lines.length - 1);
  const stored = await rows();
  assert.deepEqual(
    stored.map(({ rationale }) => rationale),
    ['text 1'],
  );
  await load(server, schema, lines);
  assert.deepEqual(await rows(), stored);
});
