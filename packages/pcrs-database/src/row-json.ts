import { bookkeepingColumns, type Column, type Table } from 'pcrs-records/columns';
import type { Database } from './open.ts';
import { sqlName, sqlText } from './sql.ts';

/** SQL that gives rows as texts, and how the texts of a row become members of a record. */
export interface RowJson {
  /** Result columns. */
  readonly columns: readonly string[];
  /** `"id":1,"instance":"os"`; none of it is empty but for a table without known columns. */
  members(row: readonly unknown[]): string;
}

/** A run of scalars as one `json_object`, or a nested member, whose text is taken as it is stored. */
type Piece = { readonly sql: string; readonly nested: string | undefined };

/**
 * The JSON of a table's known columns, in their order, then of those that records brought.
 *
 * SQLite's `json_object` spells scalars several times faster than anything here could; but it would respell nested
 * JSON (white space, digits), which therefore comes beside it, as stored.
 *
 * Takes   row     the table's name in the query
 *         inFile  the columns that the file has; a known one that it lacks is null
 */
export function rowJson(
  columns: readonly Column[],
  { zeroKeys }: Table,
  row: string,
  inFile: InFile,
): RowJson {
  const pieces: Piece[] = [];
  let scalars: string[] = [];
  const endScalars = () => {
    if (scalars.length > 0) pieces.push({ sql: `json_object(${scalars.join(', ')})`, nested: undefined });
    scalars = [];
  };
  for (const column of columns) {
    const { name } = column;
    const value = inFile.known.has(name) ? `${row}.${name}` : 'NULL';
    if (column.json === 'nested') {
      endScalars();
      pieces.push({ sql: nestedJson(value), nested: `${JSON.stringify(name)}:` });
    } else {
      const zero = column.type === 'INTEGER' ? '0' : "'0'";
      const given = zeroKeys.includes(name) ? `nullif(${value}, ${zero})` : value;
      scalars.push(`${sqlText(name)}, ${scalar(column, given)}`);
    }
  }
  endScalars();
  const added = addedMembers(inFile, row);
  const nested = pieces.map((piece) => piece.nested);
  return {
    columns: [...pieces.map(({ sql }) => sql), added],
    members(values) {
      let text = '';
      for (let index = 0; index < nested.length; index += 1) {
        const value = values[index] as string;
        const name = nested[index];
        if (index > 0) text += ',';
        text += name === undefined ? value.slice(1, -1) : name + onOneLine(value);
      }
      const more = values[nested.length] as string;
      return more === '' ? text : text + onOneLine(more);
    },
  };
}

/** The columns of a table as a file has them. */
export interface InFile {
  readonly known: ReadonlySet<string>;
  /** Those that records brought. */
  readonly added: readonly string[];
  /** Members that could have no column are in one, as a JSON object. */
  readonly unknownMembers: boolean;
}

/** The columns of a table in a file; `name` is the database's in SQL. */
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

/** SQLite's own spelling of a float has 15 or 17 digits; the one that was stored has as many as it takes. */
export function addNumberText(db: Database): void {
  db.function('number_text', { deterministic: true }, String);
}

/** An argument of `json_object`: a text in a column of numbers is a number if JSON has it so, else it stays a string. */
function scalar({ json, type }: Column, value: string): string {
  if (json === 'string') return type === 'INTEGER' ? `CAST(${value} AS TEXT)` : value;
  if (type === 'INTEGER') return value;
  const whole = `CAST(${value} AS INTEGER)`;
  return `CASE WHEN ${whole} || '' = ${value} THEN ${whole}
    WHEN json_valid(${value}) AND json_type(${value}) IN ('integer', 'real', 'true', 'false') THEN json(${value}) ELSE ${value} END`;
}

function nestedJson(value: string): string {
  return `CASE WHEN ${value} IS NULL THEN 'null' WHEN ${isNested(value)} THEN ${value} ELSE json_quote(${value}) END`;
}

function isNested(value: string): string {
  return `substr(${value}, 1, 1) IN ('{', '[') AND json_valid(${value})`;
}

/** `,"tags":[1],"owner":"me"` of a row's columns beyond the known ones; empty if all of them are NULL. */
function addedMembers({ added, unknownMembers }: InFile, row: string): string {
  const texts = added.map((name) => {
    const value = `${row}.${sqlName(name)}`;
    const json = `CASE WHEN typeof(${value}) = 'real' THEN number_text(${value}) WHEN ${isNested(value)} THEN ${value} ELSE json_quote(${value}) END`;
    return `CASE WHEN ${value} IS NULL THEN '' ELSE ${sqlText(`,${JSON.stringify(name)}:`)} || ${json} END`;
  });
  const other = `${row}.unknown_members`;
  if (unknownMembers) {
    texts.push(
      `CASE WHEN json_valid(${other}) AND json_type(${other}) = 'object' AND ${other} <> '{}' THEN ',' || substr(${other}, 2, length(${other}) - 2) ELSE '' END`,
    );
  }
  return texts.length === 0 ? "''" : texts.join(' || ');
}

/** Stored JSON that somebody else wrote may hold line breaks between its tokens; a record is one line. */
function onOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+/g, ' ') : json;
}
