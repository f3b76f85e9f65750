import { createRequire } from 'node:module';
import { join } from 'node:path';
import type SQLite from 'better-sqlite3';
import { root } from './run-program.ts';

// The library belongs to pcrs-to-sqlite alone; the demo looks through its door.
const Database = createRequire(join(root, 'packages/pcrs-to-sqlite/package.json'))(
  'better-sqlite3',
) as typeof SQLite;

interface Query {
  title: string;
  sql: string;
  /** Shown instead of all rows, with the count of all. */
  first?: number;
}

const queries: readonly Query[] = [
  {
    title: 'Failing controls by criticality',
    sql: `SELECT coalesce(criticality_label, '(none)') AS criticality, count(DISTINCT controlId) AS controls,
                 count(DISTINCT hostId) AS hosts, count(*) AS failures
            FROM v_pcrs_postureinfo WHERE status = 'Failed'
           GROUP BY criticality_label, criticality_value ORDER BY criticality_value DESC`,
  },
  {
    title: 'Pass rate by policy',
    sql: `SELECT policyTitle AS policy, count(DISTINCT hostId) AS hosts, sum(status = 'Passed') AS passed,
                 sum(status = 'Failed') AS failed,
                 printf('%.1f %%', 100.0 * sum(status = 'Passed') / count(*)) AS "pass rate"
            FROM v_pcrs_postureinfo
           GROUP BY policyId, policyTitle ORDER BY 1.0 * sum(status = 'Passed') / count(*)`,
  },
  {
    title: 'Every record of the policies with DISA in the title',
    sql: `SELECT policy.title AS policy, posture.netBios AS host, posture.controlId, posture.status,
                 posture.lastEvaluatedDate AS evaluated
            FROM q_pcrs_policy_list policy JOIN q_pcrs_postureinfo posture ON posture.policyId = policy.id
           WHERE policy.title LIKE '%DISA%'
           ORDER BY policy.id, posture.hostId, posture.controlId`,
    first: 10,
  },
];

/** Shows what lies in a snapshot: rows by table, and three queries worth seeing. */
export function showTables(file: string): void {
  const database = new Database(file, { readonly: true });
  try {
    show('Rows by table', countRows(database));
    for (const { title, sql, first } of queries) {
      const rows = database.prepare(sql).all() as Row[];
      show(title, first === undefined ? rows : rows.slice(0, first));
      if (first !== undefined) process.stdout.write(`  … ${first} of ${number(rows.length)} records\n`);
    }
  } finally {
    database.close();
  }
}

type Row = Record<string, string | number | null>;

function countRows(database: SQLite.Database): Row[] {
  const tables = database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'q_pcrs_%' ORDER BY rowid`)
    .pluck()
    .all() as string[];
  return tables.map((table) => ({
    table,
    rows: database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get() as number,
  }));
}

/** A table under its title: texts to the left, numbers to the right, long texts cut. */
function show(title: string, rows: readonly Row[]): void {
  const names = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => names.map((name) => cell(name, row[name] ?? null)));
  const widths = names.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]!.length)),
  );
  const toRight = names.map((name) => rows.some((row) => /^[\d.]+( %)?$/.test(String(row[name]))));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        toRight[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
      )
      .join('  ');
  const text = [line(names), widths.map((width) => '\u2500'.repeat(width)).join('  '), ...cells.map(line)];
  process.stdout.write(`\n${title}\n${text.map((one) => `  ${one.trimEnd()}`).join('\n')}\n`);
}

const longest = 52;

function cell(name: string, value: string | number | null): string {
  if (typeof value === 'number') return name.endsWith('Id') ? String(value) : number(value);
  const text = value ?? '';
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
