import type { Database, Statement } from 'pcrs-database/open';
import { sqlName } from 'pcrs-database/sql';
import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import { RefusedRecord } from 'pcrs-sink/table';
import { KeyFilter } from './key-filter.ts';
import { RowRanges, RowSet } from './row-set.ts';
import { type AddedColumns, hasKey, makeKey } from './schema.ts';
import { type OfEvaluation, updateSql } from './update.ts';
import type { Bound } from './values.ts';

/** Values for a changed row's bookkeeping columns. */
export interface Batch {
  /** `YYYY-MM-DD hh:mm:ss`, UTC: the run's start, else the load's. */
  date: string;
  /** The slice, else 1. */
  number: string;
  /** `YYYY-MM-DD hh:mm:ss`, UTC. */
  readonly loadedAt: string;
}

/** What happened to the records of a table. */
export interface RowCounts {
  /** Rows that were new. */
  inserted: number;
  /** Updates that changed a row. */
  changed: number;
  /** Records equal to their row. */
  unchanged: number;
  /** Among `changed`: this stream had an earlier record with the same key. */
  differing: number;
}

/** Values by column, the table's own first, then those that records added; undefined for an absent member. */
export type Row = (Bound | undefined)[];

export interface WriterOptions {
  table: Table;
  batch: Batch;
  /** Undefined if members without a column go into another table. */
  added?: AddedColumns | undefined;
  ofEvaluation?: OfEvaluation;
  /** Memory for recognising earlier keys, in bytes: a power of two. */
  filterBytes?: number;
}

/** Rows inserted by one statement: executing a statement costs as much as two rows. */
const rowsTogether = 8;

/**
 * Writes the rows of one table: inserts new keys, updates known ones if a value changes.
 *
 * A present member replaces, null included; an absent one keeps the stored value. A row whose gateway values do not
 * change is not touched, nor are its bookkeeping columns.
 *
 * An empty table has no key at first: while no key repeats, rows are only appended, and `finish` makes the key for
 * all of them at once. From the first possible repetition on, and in a table that has rows, each row is looked up.
 */
export class TableWriter {
  readonly counts: RowCounts = { inserted: 0, changed: 0, unchanged: 0, differing: 0 };
  readonly table: Table;
  readonly added: AddedColumns | undefined;
  /** Rows before this load. */
  readonly rowsBefore: number;
  /** Rows written since `touched.take()`. */
  readonly touched = new RowRanges();
  readonly #db: Database;
  readonly #options: WriterOptions;
  /** Columns of the key, in the key's order. */
  readonly #keyColumns: readonly number[];
  readonly #key: Bound[] = [];
  /** Rows that this load met; undefined while all rows come from this load. */
  readonly #seen: RowSet | undefined;
  #filter: KeyFilter | undefined;
  #columns: string[];
  #find: Statement | undefined;
  #insertOne: Statement | undefined;
  #insertSome: Statement | undefined;
  readonly #updates = new Map<string, Statement>();
  /** Values of rows to insert together, one row after another. */
  #waiting: Bound[] = [];
  #rowsWaiting = 0;

  constructor(db: Database, options: WriterOptions) {
    const { added, filterBytes = 64 * 1024, table } = options;
    this.#db = db;
    this.#options = options;
    this.table = table;
    this.added = added;
    const own = table.columns.map(({ name }) => name);
    this.#keyColumns = table.key.map((name) => own.indexOf(name));
    this.#columns = [...own, ...(added?.before ?? [])];
    this.rowsBefore = db.prepare(`SELECT count(*) FROM ${table.name}`).pluck().get() as number;
    this.#seen = this.rowsBefore > 0 ? new RowSet() : undefined;
    if (this.rowsBefore > 0) makeKey(db, table);
    else if (!hasKey(db, table)) this.#filter = new KeyFilter(filterBytes);
  }

  /** Rows in the table now, not counting removals by `prune`. */
  get rows(): number {
    return this.rowsBefore + this.counts.inserted + this.#rowsWaiting;
  }

  /** Rows from before that no record of this load has named. */
  get stale(): number {
    return this.#seen === undefined ? 0 : this.rows - this.#seen.size;
  }

  /**
   * Completes a row's key: absent members that count as 0.
   *
   * Throws  RefusedRecord if a key member is missing or not a whole number
   */
  checkKey(row: Row): void {
    for (const column of this.#keyColumns) {
      const { name, type } = this.table.columns[column] as { name: string; type: string };
      const value = row[column];
      if (value === undefined || value === null) {
        if (this.table.zeroKeys.includes(name)) row[column] = type === 'INTEGER' ? 0 : '0';
        else {
          const what = value === undefined ? 'is missing' : 'must not be null';
          throw new RefusedRecord(`${name} ${what} (it is part of the key of ${this.table.name})`);
        }
      } else if (type === 'INTEGER' && typeof value === 'string') {
        throw new RefusedRecord(`${name} must be a whole number, got ${JSON.stringify(value.slice(0, 80))}`);
      }
    }
  }

  /** Writes a row with a valid key, by the next `flush` at the latest. */
  store(row: Row): void {
    if (this.#filter) {
      if (!this.#filter.add(this.#keyOf(row))) {
        this.#append(row);
        return;
      }
      this.flush();
      this.#filter = undefined;
      makeKey(this.#db, this.table);
    }
    const found = this.#findRow(row);
    if (found === undefined) {
      this.#append(row);
      this.flush();
    } else this.#update(row, found);
  }

  /** Adds a column to the table, for all following rows. */
  addColumn(name: string): void {
    if (this.#columns.includes(name)) return;
    this.flush();
    this.added?.ensure(name);
    this.#columns.push(name);
    this.#waiting = [];
    this.#insertOne = undefined;
    this.#insertSome = undefined;
    this.#updates.clear();
  }

  /** The place of a column in a row; -1 if the table lacks it. */
  columnOf(name: string): number {
    return this.#columns.indexOf(name);
  }

  /** Writes waiting rows. Call before anything but `store` uses the table or the counts. */
  flush(): void {
    const rows = this.#rowsWaiting;
    if (rows === 0) return;
    this.#rowsWaiting = 0;
    this.#insertOne ??= this.#prepareInsert(1);
    for (let row = 0; row < rows; row += 1) {
      const values = this.#waiting.slice(row * this.#width, (row + 1) * this.#width);
      this.#inserted(this.#insertOne.run(values).lastInsertRowid as number, 1);
    }
  }

  /** Sets the batch number of rows. */
  renumber(first: number, last: number, number: string): void {
    const set = `UPDATE ${this.table.name} SET BATCH_NUMBER = ? WHERE rowid BETWEEN ? AND ?`;
    this.#db.prepare(set).run(number, first, last);
  }

  /**
   * Removes those of the next `limit` rows after `row` that no record of this load has named.
   *
   * Yields  the number removed, and the last row looked at; undefined at the end of the table
   */
  prune(row: number, limit: number): { removed: number; last: number | undefined } {
    const { name } = this.table;
    const next = this.#db.prepare(`SELECT rowid FROM ${name} WHERE rowid > ? ORDER BY rowid LIMIT ?`).pluck();
    const rows = this.#seen ? (next.all(row, limit) as number[]) : [];
    const remove = this.#db.prepare(`DELETE FROM ${name} WHERE rowid = ?`);
    const unseen = rows.filter((candidate) => !this.#seen?.has(candidate));
    for (const candidate of unseen) remove.run(candidate);
    return { removed: unseen.length, last: rows.at(-1) };
  }

  get #width(): number {
    return this.#columns.length + bookkeepingColumns.length;
  }

  #append(row: Row): void {
    const values = this.#waiting;
    let place = this.#rowsWaiting * this.#width;
    for (let column = 0; column < this.#columns.length; column += 1) values[place++] = row[column] ?? null;
    const { date, loadedAt, number } = this.#options.batch;
    for (const value of [date, number, loadedAt]) values[place++] = value;
    this.#rowsWaiting += 1;
    if (this.#rowsWaiting < rowsTogether) return;
    this.#rowsWaiting = 0;
    this.#insertSome ??= this.#prepareInsert(rowsTogether);
    this.#inserted(this.#insertSome.run(values).lastInsertRowid as number, rowsTogether);
  }

  #inserted(last: number, rows: number): void {
    this.counts.inserted += rows;
    for (let row = last - rows + 1; row <= last; row += 1) {
      this.#seen?.add(row);
      this.touched.add(row);
    }
  }

  #update(row: Row, found: number): void {
    const repeated = this.#seen === undefined || !this.#seen.add(found);
    if (this.#updateOf(row).run(this.#updateValues(row, found)).changes === 0) {
      this.counts.unchanged += 1;
      return;
    }
    this.counts.changed += 1;
    if (repeated) this.counts.differing += 1;
    this.touched.add(found);
  }

  /** Returns the same array each time; use it before the next call. */
  #keyOf(row: Row): Bound[] {
    for (let index = 0; index < this.#keyColumns.length; index += 1) {
      this.#key[index] = row[this.#keyColumns[index] as number] as Bound;
    }
    return this.#key;
  }

  #findRow(row: Row): number | undefined {
    this.#find ??= this.#db
      .prepare(
        `SELECT rowid FROM ${this.table.name} WHERE ${this.table.key.map((name) => `${name} = ?`).join(' AND ')}`,
      )
      .pluck();
    return this.#find.get(this.#keyOf(row)) as number | undefined;
  }

  #prepareInsert(rows: number): Statement {
    const names = [...this.#columns, ...bookkeepingColumns.map(({ name }) => name)].map(sqlName);
    const values = `(${names.map(() => '?').join(', ')})`;
    return this.#db.prepare(
      `INSERT INTO ${this.table.name} (${names.join(', ')}) VALUES ${new Array(rows).fill(values).join(', ')}`,
    );
  }

  /** The columns that a row replaces: those of present members, without the key's. */
  #replaced(row: Row): number[] {
    const columns: number[] = [];
    for (let column = 0; column < this.#columns.length; column += 1) {
      if (row[column] !== undefined && !this.#keyColumns.includes(column)) columns.push(column);
    }
    return columns;
  }

  #updateValues(row: Row, found: number): Bound[] {
    const { date, loadedAt, number } = this.#options.batch;
    return [...this.#replaced(row).map((column) => row[column] as Bound), date, number, loadedAt, found];
  }

  #updateOf(row: Row): Statement {
    const columns = this.#replaced(row);
    const shape = columns.join();
    let statement = this.#updates.get(shape);
    if (statement === undefined) {
      if (this.#updates.size >= keptStatements) this.#updates.clear();
      const names = columns.map((column) => this.#columns[column] as string);
      statement = this.#db.prepare(updateSql(this.table.name, names, this.#options.ofEvaluation));
      this.#updates.set(shape, statement);
    }
    return statement;
  }
}

/** Most statements kept, by the shape of their rows. */
const keptStatements = 200;
