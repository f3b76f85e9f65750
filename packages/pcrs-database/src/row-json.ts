import { bookkeepingColumns, type Column, type Table } from 'pcrs-records/columns';
import type { Database } from './open.ts';
import { sqlName, sqlText } from './sql.ts';

/**
 * SQL for the JSON of a table's known columns, in order, then of the columns that records added:
 * `"id":1,"instance":"os"`. Pass the result through `onOneLine` for a record.
 *
 * SQLite's `json_object` writes scalars several times faster than JavaScript could. But it would rewrite nested JSON
 * (white space, digits), which therefore goes between such objects, without their braces, as stored.
 *
 * Takes   row     the table's name in the query
 *         inFile  the columns in the file; a known one that it lacks is null
 */
export function rowJson(
  columns: readonly Column[],
  { zeroKeys }: Table,
  row: string,
  inFile: InFile,
): string {
  const pieces: string[] = [];
  let scalars: string[] = [];
  const endScalars = () => {
    if (scalars.length > 0) pieces.push(`trim(json_object(${scalars.join(', ')}), '{}')`);
    scalars = [];
  };
  for (const column of columns) {
    const { name } = column;
    const value = inFile.known.has(name) ? `${row}.${name}` : 'NULL';
    if (column.json === 'nested') {
      endScalars();
      pieces.push(`'"${name}":', ${nestedJson(value)}`);
    } else {
      const zero = column.type === 'INTEGER' ? '0' : "'0'";
      const given = zeroKeys.includes(name) ? `nullif(${value}, ${zero})` : value;
      scalars.push(`${sqlText(name)}, ${scalar(column, given)}`);
    }
  }
  endScalars();
  return `concat(${[pieces.join(", ',', "), ...addedMembers(inFile, row)].join(', ')})`;
}

/** Foreign JSON may hold line breaks between its tokens; a record is one line. */
export function onOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+/g, ' ') : json;
}

/** Columns of a table in a file. */
export interface InFile {
  readonly known: ReadonlySet<string>;
  /** Columns that records added. */
  readonly added: readonly string[];
  /** One column holds members that could not become columns, as a JSON object. */
  readonly unknownMembers: boolean;
}

/** The columns of a table in a file; `name` is the database's name in SQL. */
export function columnsInFile(db: Database, table: Table, name = 'main'): InFile {
  const names = (db.pragma(`${name}.table_info(${table.name})`) as { name: string }[]).map(
    (column) => column.name,
  );
  const isKnown = new Set([...table.columns, ...bookkeepingColumns].map((column) => column.name));
  return {
    known: new Set(names),
    added: names.filter((column) => !isKnown.has(column) && column !== 'unknown_members'),
    unknownMembers: names.includes('unknown_members'),
  };
}

/** SQLite writes a float with 15 or 17 digits; this writes as many as needed. */
export function addNumberText(db: Database): void {
  db.function('number_text', { deterministic: true }, String);
}

/**
 * An argument of `json_object`: a text in a numeric column becomes a number if it is one in JSON, otherwise it stays
 * a string.
 */
function scalar({ json, type }: Column, value: string): string {
  if (json === 'string') return type === 'INTEGER' ? `CAST(${value} AS TEXT)` : value;
  if (type === 'INTEGER') return value;
  const whole = `CAST(${value} AS INTEGER)`;
  // Most are a digit.
  return `CASE WHEN ${value} GLOB '[0-9]' THEN ${whole} WHEN ${value} IS NULL THEN NULL WHEN ${whole} || '' = ${value} THEN ${whole}
    WHEN json_valid(${value}) AND json_type(${value}) IN ('integer', 'real', 'true', 'false') THEN json(${value}) ELSE ${value} END`;
}

function nestedJson(value: string): string {
  return `CASE WHEN ${value} IS NULL THEN 'null' WHEN ${isNested(value)} THEN ${value} ELSE json_quote(${value}) END`;
}

function isNested(value: string): string {
  return `substr(${value}, 1, 1) IN ('{', '[') AND json_valid(${value})`;
}

/** Each row's added columns, like `,"tags":[1]`; NULL if the column is. */
function addedMembers({ added, unknownMembers }: InFile, row: string): string[] {
  const texts = added.map((name) => {
    const value = `${row}.${sqlName(name)}`;
    const json = `CASE WHEN ${value} IS NULL THEN NULL WHEN typeof(${value}) = 'real' THEN number_text(${value}) WHEN ${isNested(value)} THEN ${value} ELSE json_quote(${value}) END`;
    return `${sqlText(`,${JSON.stringify(name)}:`)} || ${json}`;
  });
  const other = `${row}.unknown_members`;
  if (unknownMembers) {
    texts.push(
      `CASE WHEN json_valid(${other}) AND json_type(${other}) = 'object' AND ${other} <> '{}' THEN ',' || substr(${other}, 2, length(${other}) - 2) END`,
    );
  }
  return texts;
}
