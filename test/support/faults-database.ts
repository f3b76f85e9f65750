import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type SQLite from 'better-sqlite3';
import { root } from '../../scripts/run-program.ts';

const Database = createRequire(join(root, 'packages/pcrs-to-sqlite/package.json'))(
  'better-sqlite3',
) as typeof SQLite;

const tables = [
  'q_pcrs_policy_list',
  'q_pcrs_hostids',
  'q_pcrs_postureinfo',
  'q_pcrs_postureinfo_controls',
] as const;

/**
 * Allowed differences between two loads of the same records: when a row was written, and which slice brought a
 * control first, since slices change places with several requests in flight.
 */
const differing = (table: string): string[] => [
  ...['BATCH_DATE', 'Row_Last_Updated'],
  ...(table === 'q_pcrs_postureinfo_controls' ? ['BATCH_NUMBER'] : []),
];

/** Content of a database, read by SQLite itself without the suite's code. */
export interface Contents {
  /** `ok`, or what SQLite finds wrong. */
  integrity: string;
  /** Rows by table, each as JSON, in one order. */
  rows: Record<(typeof tables)[number], string[]>;
  /** Details by STATUS_NAME. */
  status: Record<string, { state?: string; STATUS?: string; TOTAL_ROWS_ADDED?: number; complete?: boolean }>;
}

export function contentsOf(path: string): Contents {
  const db = new Database(path, { fileMustExist: true });
  try {
    db.defaultSafeIntegers(true);
    const rows = Object.fromEntries(tables.map((table) => [table, rowsOf(db, table)])) as Contents['rows'];
    const status = db
      .prepare('SELECT STATUS_NAME AS name, STATUS_DETAIL AS detail FROM q_pcrs_status')
      .all() as {
      name: string;
      detail: string;
    }[];
    return {
      integrity: db.pragma('integrity_check', { simple: true }) as string,
      rows,
      status: Object.fromEntries(status.map(({ name, detail }) => [name, JSON.parse(detail)])),
    };
  } finally {
    db.close();
  }
}

function rowsOf(db: SQLite.Database, table: string): string[] {
  const found = db.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
  return found
    .map((row) => {
      for (const name of differing(table)) delete row[name];
      return JSON.stringify(row, (_name, value) => (typeof value === 'bigint' ? `${value}` : value));
    })
    .sort();
}

/** The postures of a database by policy and host, each as `id status`. */
export function posturesOf({ rows }: Contents): Map<string, string[]> {
  return grouped(rows.q_pcrs_postureinfo.map((row) => JSON.parse(row)));
}

/** The same from records as the gateway sends them. */
export function posturesOfRecords(records: Iterable<string>): Map<string, string[]> {
  return grouped(Array.from(records, (text) => JSON.parse(text)));
}

function grouped(
  records: { policyId: unknown; hostId: unknown; id: unknown; status: string }[],
): Map<string, string[]> {
  const pairs = new Map<string, string[]>();
  for (const { policyId, hostId, id, status } of records) {
    const pair = `${policyId}/${hostId}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), `${id} ${status}`].sort());
  }
  return pairs;
}

/** Equality of rows, with a short report if they differ. */
export function assertSameRows(found: Contents, due: Contents, about = ''): void {
  const differences = tables.flatMap((table) => {
    const [has, must] = [new Set(found.rows[table]), new Set(due.rows[table])];
    const extra = found.rows[table].filter((row) => !must.has(row));
    const lacking = due.rows[table].filter((row) => !has.has(row));
    const sizes = found.rows[table].length === due.rows[table].length;
    if (extra.length === 0 && lacking.length === 0 && sizes) return [];
    return [`${table}: ${extra.length} strange, ${lacking.length} missing`, extra[0] ?? '', lacking[0] ?? ''];
  });
  assert.equal(differences.join('\n'), '', about);
}

/**
 * The same without slice numbers: a row from an interrupted load keeps its number, which is a guess until the slice's
 * own record comes if slices change places.
 */
export function withoutSlices(contents: Contents): Contents {
  const rows = Object.entries(contents.rows).map(([table, found]) => [
    table,
    found.map((row) => row.replace(/,?"BATCH_NUMBER":"\d+"/, '')).sort(),
  ]);
  return { ...contents, rows: Object.fromEntries(rows) };
}
