// Every value of the simulator's strangest world is the same in the stream, in SQLite, in PostgreSQL, in CSV and in
// the stream from pcrs-from-sqlite; known losses of tables are removed from all of them alike, by name.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openForReading } from 'pcrs-database/open';
import {
  controlsTable,
  flatPostureColumns,
  hostIdsTable,
  policyTable,
  postureTable,
} from 'pcrs-records/columns';
import { openPlace } from '../support/open-place.ts';
import { lacking, openPostgres, query, type Row } from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const server = (await openPostgres()) as PostgresServer;
const forms = [
  'unknown-members',
  'big-numbers',
  'lone-surrogates',
  'split',
  'absent-nulls',
  'invalid-utf8',
  'escaped',
  'raw-controls',
] as const;
const place = await openPlace('everywhere', { policies: 8, hosts: 20, controls: 12, forms: [...forms] });

suite('a value is the same wherever it goes', { skip: lacking(server) }, () => {
  test('stream, SQLite, PostgreSQL, CSV, and the stream of a database', async () => {
    const cwd = place.folder();
    const env = server.env as Record<string, string>;
    const { status, stderr } = await place.bash(
      `set -eo pipefail
      pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence > run.ndjson
      pcrs-to-sqlite run.db < run.ndjson > loaded
      pcrs-to-csv --dir csv < run.ndjson > written
      pcrs-from-sqlite run.db > back.ndjson
      pcrs-to-postgres --database - --schema everywhere < run.ndjson > postgres
      pcrs-from-sqlite run.db | pcrs-to-postgres --database - --schema again > again
      pcrs-to-sqlite again.db < back.ndjson > again-loaded
      jq -e '.complete and .verified' loaded postgres again again-loaded > /dev/null`,
      { cwd, env, limitMs: 120_000 },
    );
    assert.equal(status, 0, stderr);
    const file = (name: string) => join(cwd, name);
    const stream = posturesIn(file('run.ndjson'));
    assert.ok(stream.size > 100);
    const columns = flatPostureColumns.map(({ name }) => name);
    const stored = withControlTexts(stream);
    assert.notDeepEqual(
      stored,
      stream,
      'the world has a control with differing texts, of which tables keep one',
    );
    for (const [where, rows, expected] of [
      ['SQLite', await inSqlite(file('run.db')), stored],
      ['PostgreSQL', await inPostgres('everywhere'), stored],
      ['PostgreSQL, from SQLite', await inPostgres('again'), stored],
      ['CSV', inCsv(file('csv/posture.csv')), stream],
      ['the stream of SQLite', posturesIn(file('back.ndjson')), stored],
      ['SQLite, from SQLite', await inSqlite(file('again.db')), stored],
    ] as const) {
      assert.equal(rows.size, stream.size, where);
      for (const [key, row] of expected) {
        const other = rows.get(key);
        for (const name of columns) assert.equal(other?.[name], row[name], `${where}: ${name} of ${key}`);
      }
    }

    const loaded = await tablesOf((table) => sqliteRows(file('run.db'), table));
    const again = await tablesOf((table) => sqliteRows(file('again.db'), table));
    assert.deepEqual(again.map(texts), loaded.map(texts), 'SQLite, from SQLite: every column of every table');
    for (const schema of ['everywhere', 'again']) {
      const rows = await tablesOf((table) => query(server, `SELECT * FROM ${schema}.${table}`));
      assert.deepEqual(
        rows.map(texts),
        loaded.map(texts),
        `PostgreSQL, ${schema}: every column of every table`,
      );
    }
    const [policies = [], hosts = []] = loaded;
    assert.deepEqual(texts(recordsIn(file('run.ndjson'), 'policy')), texts(policies.map(withUnknown)));
    assert.deepEqual(texts(hostsIn(file('run.ndjson'))), texts(hosts.map(withUnknown)));
    for (const [name, table, rows] of [
      ['policy', policyTable, policies],
      ['hostids', hostIdsTable, hosts],
    ] as const) {
      const known = table.columns.map((column) => column.name);
      const kept = rows.map((row) => Object.fromEntries(known.map((column) => [column, row[column]])));
      assert.deepEqual(texts(csvRecords(file(`csv/${name}.csv`))), texts(kept), `CSV: ${name}`);
    }

    // What is lost is what is said to be lost: absent against null, and characters that PostgreSQL does not take.
    const [sent] = recordsIn(file('run.ndjson'), 'posture').filter(
      (record) => absentIn(record) !== undefined,
    );
    const back = recordsIn(file('back.ndjson'), 'posture').find((record) => record['id'] === sent?.['id']);
    assert.equal(back?.[absentIn(sent as Row) as string], null);
    const { problems } = JSON.parse(readFileSync(file('postgres'), 'utf8'));
    assert.ok(problems.nulCharacters > 0 && problems.loneSurrogates > 0, JSON.stringify(problems));
  });
});

/** A known member that a record does not have. */
function absentIn(record: Row): string | undefined {
  return postureTable.columns.find(({ name, json }) => json !== 'nested' && !(name in record))?.name;
}

/** The four tables' rows, in this order. */
function tablesOf(rowsOf: (table: string) => Promise<Row[]>): Promise<Row[][]> {
  return Promise.all(
    [policyTable, hostIdsTable, postureTable, controlsTable].map(({ name }) => rowsOf(name)),
  );
}

const bookkeeping = new Set(['batch_date', 'batch_number', 'row_last_updated', 'kind']);

/** Rows as texts, sorted: what is null, absent or empty is not in them, names are in small letters, zero keys are 0. */
function texts(rows: readonly Row[]): string[] {
  return rows
    .map((row) => {
      const members = Object.entries(row).flatMap(([name, value]): [string, string][] => {
        const text = plain(unmarked(value));
        return text === '' || bookkeeping.has(name.toLowerCase()) ? [] : [[name.toLowerCase(), text]];
      });
      return JSON.stringify(members.sort());
    })
    .sort();
}

/** A row with the members that could have no column. */
function withUnknown({ unknown_members: others, ...row }: Row): Row {
  return typeof others === 'string' ? { ...row, ...exact(others) } : row;
}

async function sqliteRows(path: string, table: string): Promise<Row[]> {
  const { db, close } = await openForReading(path);
  try {
    const statement = db.prepare(`SELECT * FROM ${table}`).safeIntegers().raw();
    const names = statement.columns().map(({ name }) => name);
    // A column may be called __proto__, which an object of the driver's would lose.
    return (statement.all() as unknown[][]).map((values) =>
      Object.fromEntries(names.map((name, index) => [name, values[index]])),
    );
  } finally {
    close();
  }
}

function recordsIn(path: string, kind: string): Row[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`{"kind":"${kind}"`)).map(exact);
}

/** A row for each host of the hostids records. */
function hostsIn(path: string): Row[] {
  return recordsIn(path, 'hostids').flatMap(({ hostIds, ...row }) =>
    (hostIds as unknown[]).map((hostId) => ({ ...row, hostId })),
  );
}

function csvRecords(path: string): Row[] {
  const [head = [], ...rows] = csvRows(readFileSync(path, 'utf8'));
  return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index]])));
}

type Flat = Record<string, string>;

const keyOf = (row: Row): string =>
  ['policyId', 'hostId', 'id', 'currentBatch'].map((name) => plain(row[name]) || '0').join(' ');

/**
 * A value in one spelling: null, absent and "" are one (CSV has no other), and so are U+0000, half a pair and U+FFFD.
 */
function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const canonical = /^[{[]/.test(text) ? respelled(text) : text;
  return canonical.replaceAll('\0', '\ufffd').toWellFormed();
}

/** Nested JSON without its white space and escapes, its numbers as written. */
function respelled(text: string): string {
  try {
    return JSON.stringify(exact(text), (_, value) =>
      typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
    );
  } catch {
    return text;
  }
}

function exact(text: string): Row {
  return JSON.parse(text, (_, value, context: { source?: string } = {}) =>
    typeof value === 'number' ? `#${context.source}` : value,
  );
}

function unmarked(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('#') ? value.slice(1) : value;
}

function flat(
  value: (
    path: readonly [string] | readonly [string, string],
    without: readonly string[] | undefined,
  ) => unknown,
): Flat {
  return Object.fromEntries(
    flatPostureColumns.map(({ name, path, without }) => [name, plain(unmarked(value(path, without)))]),
  );
}

const controlColumns = flatPostureColumns
  .filter(
    ({ path: [member] }) =>
      controlsTable.columns.some(({ name }) => name === member) && !controlsTable.key.includes(member),
  )
  .map(({ name }) => name);

/** Each posture with its control's last texts: a table has one row per control. */
function withControlTexts(stream: ReadonlyMap<string, Flat>): Map<string, Flat> {
  const controlOf = (row: Flat) => `${row['policyId']} ${row['controlId']} ${row['technologyId']}`;
  const texts = new Map<string, Flat>();
  for (const row of stream.values()) {
    const came = controlColumns.filter((name) => row[name] !== '').map((name) => [name, row[name] as string]);
    texts.set(controlOf(row), { ...texts.get(controlOf(row)), ...Object.fromEntries(came) });
  }
  return new Map([...stream].map(([key, row]) => [key, { ...row, ...texts.get(controlOf(row)) }]));
}

function posturesIn(path: string): Map<string, Flat> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"kind":"posture"'));
  return byKey(
    lines.map((line) => {
      const record = exact(line);
      return flat(([member, part], without) => {
        const found = record[member] as Row | null | undefined;
        if (part !== undefined) return found?.[part];
        if (without === undefined || found === null || typeof found !== 'object' || Array.isArray(found))
          return found;
        const rest = Object.entries(found).filter(([name]) => !without.includes(name));
        return rest.length === 0 ? null : Object.fromEntries(rest);
      });
    }),
  );
}

async function inSqlite(path: string): Promise<Map<string, Flat>> {
  const { db, close } = await openForReading(path);
  try {
    return byKey(
      (db.prepare('SELECT * FROM v_pcrs_postureinfo').safeIntegers().all() as Row[]).map((row) =>
        flat(([member, part], without) => row[nameAt(member, part, without)]),
      ),
    );
  } finally {
    close();
  }
}

async function inPostgres(schema: string): Promise<Map<string, Flat>> {
  const columns = flatPostureColumns.map(({ name }) => `${name}::text AS "${name}"`).join(', ');
  const rows = await query(server, `SELECT ${columns} FROM ${schema}.v_pcrs_postureinfo`);
  return byKey(rows.map((row) => flat(([member, part], without) => row[nameAt(member, part, without)])));
}

function inCsv(path: string): Map<string, Flat> {
  const [head = [], ...rows] = csvRows(readFileSync(path, 'utf8'));
  return byKey(
    rows.map((cells) =>
      flat(([member, part], without) => cells[head.indexOf(nameAt(member, part, without))]),
    ),
  );
}

function nameAt(member: string, part: string | undefined, without: readonly string[] | undefined): string {
  if (part !== undefined) return `${member}_${part}`;
  return without === undefined ? member : `${member}_other`;
}

function byKey(rows: Flat[]): Map<string, Flat> {
  return new Map(rows.map((row) => [keyOf(row), row]));
}

/** RFC 4180. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end === '\n') rows.push([]);
    if (end === '') break;
  }
  return rows.filter((row) => row.length > 1);
}
