import { type Database, openForReading } from 'pcrs-database/open';

interface Query {
  title: string;
  sql: string;
  /** Show only the first rows, with the count of all. */
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
    sql: `SELECT policyTitle AS policy, sum(passed) AS passed, sum(excepted) AS excepted, sum(failed) AS failed,
                 printf('%.1f %%', 100.0 * sum(passed + excepted) / sum(passed + excepted + failed)) AS "pass rate"
            FROM v_pcrs_pass_rate
           GROUP BY policyId, policyTitle ORDER BY 1.0 * sum(passed + excepted) / sum(passed + excepted + failed)`,
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

/** A snapshot as text: rows by table, and three queries worth seeing. */
export async function tablesOf(file: string): Promise<string> {
  const database = await openForReading(file);
  try {
    const shown = [table('Rows by table', countRows(database.db))];
    for (const { title, sql, first } of queries) {
      const rows = database.db.prepare(sql).all() as Row[];
      const more =
        first === undefined ? '' : `  … ${Math.min(first, rows.length)} of ${number(rows.length)} records\n`;
      shown.push(table(title, rows.slice(0, first)) + more);
    }
    return shown.join('');
  } finally {
    database.close();
  }
}

type Row = Record<string, string | number | null>;

function countRows(database: Database): Row[] {
  const tables = database
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'q_pcrs_%' ORDER BY rowid`)
    .pluck()
    .all() as string[];
  return tables.map((table) => ({
    table,
    rows: database.prepare(`SELECT count(*) FROM "${table}"`).pluck().get() as number,
  }));
}

/** A table under its title: text to the left, numbers to the right, long text cut. */
function table(title: string, rows: readonly Row[]): string {
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
  return `\n${title}\n${text.map((one) => `  ${one.trimEnd()}`).join('\n')}\n`;
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
