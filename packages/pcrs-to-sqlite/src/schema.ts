import type { Database } from 'better-sqlite3';
import {
  bookkeepingColumns,
  controlsTable,
  hostIdsTable,
  policyTable,
  postureTable,
  type Table,
} from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { views } from './views.ts';

/** The four tables that records go into; the fifth is `q_pcrs_status`. */
export const dataTables: readonly Table[] = [policyTable, hostIdsTable, postureTable, controlsTable];

/** Where members go that cannot have a column, as one JSON object. */
export const unknownMembers = 'unknown_members';

/** SQLite takes 2,000 columns a table; a gateway that invents more than this is not adding fields. */
const addedColumnsLimit = 200;

/** Written into the file, so that a later layout can tell an earlier one. */
const layoutVersion = 1;

/** Names that SQLite gives the row's number, unless a column has them. */
const rowNumberNames = ['rowid', 'oid', '_rowid_'];

const statusTable = `CREATE TABLE IF NOT EXISTS q_pcrs_status (
  STATUS_NAME TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
  STATUS_DETAIL TEXT,
  LAST_BATCH_PROCESSED TEXT,
  Row_Last_Updated TEXT
)`;

/**
 * Makes the tables and views that a database does not have yet; inside a transaction.
 *
 * Throws  PCRS_USAGE where the file holds tables of these names that are not ours, or of a later layout
 */
export function makeSchema(db: Database, path: string): void {
  checkSchema(db, path);
  for (const table of dataTables) db.exec(tableSql(table));
  db.exec(statusTable);
  for (const [name, sql] of Object.entries(views())) {
    const known = db
      .prepare("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?")
      .pluck()
      .get(name);
    if (known === sql) continue;
    db.exec(`DROP VIEW IF EXISTS ${name}`);
    db.exec(sql);
  }
  db.pragma(`user_version = ${layoutVersion}`);
}

/**
 * Whether records can be loaded into a database, before anything in it is changed.
 *
 * Throws  PCRS_USAGE
 */
export function checkSchema(db: Database, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > layoutVersion) {
    throw codedError(
      'PCRS_USAGE',
      `${path} was made by a newer pcrs-to-sqlite; update, or give a new file name`,
    );
  }
  for (const table of dataTables) {
    const columns = columnsOf(db, table);
    if (columns.length === 0) continue;
    const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    const names = new Set(columns.map(({ name }) => name));
    const ours = [...table.columns, ...bookkeepingColumns].every(({ name }) => names.has(name));
    if (!ours || key.map(({ name }) => name).join() !== table.key.join()) {
      throw codedError(
        'PCRS_USAGE',
        `${path} holds a ${table.name} of another make (another key, or columns missing); give a new file name`,
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
    ({ name, type }) => `${name} ${type}${table.key.includes(name) ? ' NOT NULL' : ''}`,
  );
  return `CREATE TABLE IF NOT EXISTS ${table.name} (\n  ${columns.join(',\n  ')},\n  PRIMARY KEY (${table.key.join(', ')})\n)`;
}

/** A name as SQL takes it, whatever it is. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The columns that records brought to a table: those it has, and whether a further one may be added.
 */
export class AddedColumns {
  /** In the table before this load. */
  readonly before: readonly string[];
  /** Added by this load. */
  readonly added: string[] = [];
  readonly #db: Database;
  readonly #table: Table;
  readonly #taken: Set<string>;
  readonly #inTable: Set<string>;
  readonly #promised: Set<string>;

  /** Takes  reserved  names that mean something else in this kind of record */
  constructor(db: Database, table: Table, reserved: readonly string[]) {
    this.#db = db;
    this.#table = table;
    const known = columnsOf(db, table).map(({ name }) => name);
    const declared = new Set([...table.columns, ...bookkeepingColumns].map(({ name }) => name));
    this.before = known.filter((name) => !declared.has(name) && name !== unknownMembers);
    this.#inTable = new Set(known);
    this.#promised = new Set(this.before);
    this.#taken = new Set([...known, ...reserved, ...rowNumberNames, unknownMembers].map(folded));
  }

  /** Whether a member of this name can have a column of its own; if so, it is promised one. */
  take(name: string): boolean {
    const usable = name !== '' && !/[\u0000-\u001f\u007f]/.test(name) && name.isWellFormed();
    if (!usable || this.#promised.size >= addedColumnsLimit || this.#taken.has(folded(name))) return false;
    this.#taken.add(folded(name));
    this.#promised.add(name);
    return true;
  }

  /** These columns, there or promised. */
  get names(): Iterable<string> {
    return this.#promised;
  }

  /** Whether a name is one of them. */
  has(name: string): boolean {
    return this.#promised.has(name);
  }

  /** Adds a column unless the table has it; inside a transaction. */
  ensure(name: string): void {
    if (this.#inTable.has(name)) return;
    this.#db.exec(`ALTER TABLE ${this.#table.name} ADD COLUMN ${quoted(name)}`);
    this.#inTable.add(name);
    this.added.push(name);
  }
}

/** SQLite's idea of the same name: case ignored in ASCII only. */
function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
