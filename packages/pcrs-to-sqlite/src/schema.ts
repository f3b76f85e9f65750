import { layoutVersion } from 'pcrs-database/layout';
import type { Database } from 'pcrs-database/open';
import { spill } from 'pcrs-database/open-for-writing';
import { sqlName } from 'pcrs-database/sql';
import {
  bookkeepingColumns,
  type Column,
  controlsTable,
  hostIdsTable,
  policyTable,
  postureTable,
  type Table,
} from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { mergedMembers } from './unknown-members.ts';
import { views } from './views.ts';

/** The four tables of records; the fifth table is `q_pcrs_status`. */
const dataTables: readonly Table[] = [policyTable, hostIdsTable, postureTable, controlsTable];

/** Column for members that cannot have their own, as one JSON object. */
export const unknownMembers = 'unknown_members';

/** SQLite allows 2,000 columns per table; a gateway that invents more than this is not adding fields. */
const addedColumnsLimit = 200;

/** Columns missing from tables of layout 1. */
const sinceLayout2: ReadonlySet<string> = new Set(['CloudMetaData']);

/** For lookups that a table's key does not serve: by host, by control, by policy without its subscription. */
const indexes: Readonly<Record<string, string>> = {
  i_pcrs_policy_list_id: `${policyTable.name} (id)`,
  i_pcrs_hostids_host: `${hostIdsTable.name} (hostId, policyId)`,
  i_pcrs_hostids_policy: `${hostIdsTable.name} (policyId, hostId)`,
  i_pcrs_postureinfo_host: `${postureTable.name} (hostId, policyId)`,
  // The columns of a posture's identity, and its status: v_pcrs_pass_rate reads nothing else.
  i_pcrs_postureinfo_control: `${postureTable.name} (controlId, policyId, technologyId, hostId, instance, status)`,
  i_pcrs_controls_control: `${controlsTable.name} (controlId)`,
};

/** SQLite's names for the row number, unless a column has them. */
const rowNumberNames = ['rowid', 'oid', '_rowid_'];

const statusTable = `CREATE TABLE IF NOT EXISTS q_pcrs_status (
  STATUS_NAME TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
  STATUS_DETAIL TEXT,
  LAST_BATCH_PROCESSED TEXT,
  Row_Last_Updated TEXT
)`;

/**
 * Makes the tables and views that a database lacks; inside a transaction.
 *
 * Throws  PCRS_USAGE if the file holds foreign tables of these names, or has a later layout
 */
export function makeSchema(db: Database, path: string): void {
  checkSchema(db, path);
  db.function('pcrs_merged', { deterministic: true }, mergedMembers);
  for (const table of dataTables) {
    db.exec(tableSql(table));
    const known = new Set(columnsOf(db, table).map(({ name }) => folded(name)));
    for (const { name, type } of table.columns)
      if (!known.has(folded(name))) db.exec(`ALTER TABLE ${table.name} ADD COLUMN ${name} ${declared(type)}`);
  }
  db.exec(statusTable);
  makeViews(db);
  db.pragma(`user_version = ${layoutVersion}`);
}

/** Makes views again whose SQL has changed, also after columns were added. Inside a transaction. */
export function makeViews(db: Database): void {
  const ours = new Set([...postureTable.columns, ...bookkeepingColumns].map(({ name }) => folded(name)));
  const added = columnsOf(db, postureTable)
    .map(({ name }) => name)
    .filter((name) => !ours.has(folded(name)));
  for (const [name, sql] of Object.entries(views(added))) {
    if (sqlOf(db, 'view', name) === sql) continue;
    db.exec(`DROP VIEW IF EXISTS ${name}`);
    db.exec(sql);
  }
}

function sqlOf(db: Database, type: 'index' | 'view', name: string): unknown {
  return db.prepare('SELECT sql FROM sqlite_master WHERE type = ? AND name = ?').pluck().get(type, name);
}

/**
 * Whether a table has its key. In layout 1 that is a PRIMARY KEY; now it is a separate index, so that a new table can
 * be filled without it.
 */
export function hasKey(db: Database, table: Table): boolean {
  const unique = db
    .prepare('SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND partial = 0')
    .pluck()
    .all(table.name);
  const columns = db.prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno').pluck();
  return unique.some((index) => columns.all(index).join() === table.key.join());
}

/** Makes a table's key unless it exists. */
export function makeKey(db: Database, table: Table): void {
  if (hasKey(db, table)) return;
  makeIndex(db, `CREATE UNIQUE INDEX ${table.name}_key ON ${table.name} (${table.key.join(', ')})`);
}

/** Writes pages out as they are filled: an index of millions of rows must not wait in memory for the commit. */
function makeIndex(db: Database, sql: string): void {
  spill(db, true);
  try {
    db.exec(sql);
  } finally {
    spill(db, false);
  }
}

/** Makes the indexes that a database lacks, or has otherwise: last of all, since rows load faster without them. */
export function makeIndexes(db: Database): void {
  for (const table of dataTables) makeKey(db, table);
  for (const [name, on] of Object.entries(indexes)) {
    const sql = `CREATE INDEX ${name} ON ${on}`;
    if (sqlOf(db, 'index', name) === sql) continue;
    db.exec(`DROP INDEX IF EXISTS ${name}`);
    makeIndex(db, sql);
  }
}

/**
 * Checks that records can be loaded into a database, before anything in it is changed.
 *
 * Throws  PCRS_USAGE
 */
function checkSchema(db: Database, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > layoutVersion) {
    throw codedError(
      'PCRS_USAGE',
      `${path} was made by a newer pcrs-to-sqlite; update, or choose a new file name`,
    );
  }
  for (const table of dataTables) {
    const columns = columnsOf(db, table);
    if (columns.length === 0) continue;
    const isKeyless = columns.every(({ pk }) => pk === 0) && version === layoutVersion;
    const names = new Set(columns.map(({ name }) => name));
    const ours = [...table.columns, ...bookkeepingColumns].every(
      ({ name }) => names.has(name) || sinceLayout2.has(name),
    );
    if (!ours || !(isKeyless || hasKey(db, table))) {
      throw codedError(
        'PCRS_USAGE',
        `${path} has a ${table.name} of another program (another key, or columns missing); choose a new file name`,
      );
    }
  }
}

interface TableColumn {
  name: string;
  pk: number;
}

function columnsOf(db: Database, table: Table): TableColumn[] {
  return db.pragma(`table_info(${table.name})`) as TableColumn[];
}

function tableSql(table: Table): string {
  const columns = [...table.columns, ...bookkeepingColumns].map(
    ({ name, type }) => `${name} ${declared(type)}${table.key.includes(name) ? ' NOT NULL' : ''}`,
  );
  return `CREATE TABLE IF NOT EXISTS ${table.name} (\n  ${columns.join(',\n  ')}\n)`;
}

/** The affinity is the same; ODBC drivers take `INTEGER` for 32 bits and cut larger ids. */
function declared(type: Column['type']): string {
  return type === 'INTEGER' ? 'BIGINT' : type;
}

/** The columns that records added to a table, and whether another may be added. */
export class AddedColumns {
  /** In the table before this load. */
  readonly before: readonly string[];
  /** Added by this load. */
  readonly added: string[] = [];
  readonly #db: Database;
  readonly #table: Table;
  readonly #taken: Set<string>;
  readonly #inTable: Set<string>;
  #promised: number;

  /** Takes  reserved  names with another meaning in this kind of record */
  constructor(db: Database, table: Table, reserved: readonly string[]) {
    this.#db = db;
    this.#table = table;
    const known = columnsOf(db, table).map(({ name }) => name);
    const declared = new Set([...table.columns, ...bookkeepingColumns].map(({ name }) => name));
    this.before = known.filter((name) => !declared.has(name) && name !== unknownMembers);
    this.#inTable = new Set(known);
    this.#promised = this.before.length;
    this.#taken = new Set([...known, ...reserved, ...rowNumberNames, unknownMembers].map(folded));
  }

  /** Whether a member of this name can have its own column; if so, one is reserved. */
  take(name: string): boolean {
    const usable = name !== '' && !/[\u0000-\u001f\u007f]/.test(name) && name.isWellFormed();
    if (!usable || this.#promised >= addedColumnsLimit || this.#taken.has(folded(name))) return false;
    this.#taken.add(folded(name));
    this.#promised += 1;
    return true;
  }

  /** Adds a column unless the table has it; inside a transaction. */
  ensure(name: string): void {
    if (this.#inTable.has(name)) return;
    this.#db.exec(`ALTER TABLE ${this.#table.name} ADD COLUMN ${sqlName(name)}`);
    this.#inTable.add(name);
    this.added.push(name);
  }
}

/** SQLite's rule for equal names: case is ignored in ASCII only. */
function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
