import type { Database, Statement } from 'better-sqlite3';
import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import { HeldValues } from './held-values.ts';
import type { Shape } from './layout.ts';
import {
  type Parameter,
  parameterValue,
  type RowMembers,
  type RowSources,
  rowParameters,
} from './row-parameters.ts';
import { RowRanges, RowSet } from './row-set.ts';
import { RowStatements } from './row-statements.ts';
import type { AddedColumns } from './schema.ts';
import type { Bound } from './values.ts';

/** What became of the records of a table. */
export interface RowCounts {
  /** Rows the table did not have. */
  inserted: number;
  /** Times that a row got other values. */
  changed: number;
  /** Times that a row was found as it came. */
  unchanged: number;
  /** Of `changed`: a record of the same key came before in this stream. */
  differing: number;
}

/**
 * Writes the rows of one table: new keys are inserted, known ones updated where a value changes.
 *
 * A member that is present replaces, null included; an absent one leaves what is stored; a row whose gateway
 * values do not change is not touched, its bookkeeping columns neither.
 */
export class TableWriter {
  readonly counts: RowCounts = { inserted: 0, changed: 0, unchanged: 0, differing: 0 };
  /** Rows there before this load. */
  readonly rowsBefore: number;
  /** Rows written since `touched.take()`. */
  readonly touched = new RowRanges();
  readonly #db: Database;
  readonly #sources: RowSources;
  readonly #find: Statement;
  readonly #held: HeldValues;
  readonly #statements = new WeakMap<Shape, RowStatements>();
  readonly #statementsWithExtras = new WeakMap<Shape, RowStatements>();
  /** The rows that this load met; undefined while each of the table's rows is of this load. */
  readonly #seen: RowSet | undefined;
  #values: Bound[] = [];
  #taken: RowStatements | undefined;
  readonly #flushFirst = (): void => this.flush();
  /** Rows that are to be inserted together, and by what. */
  #waiting: Bound[][] = [];
  #waitingFor: RowStatements | undefined;

  constructor(db: Database, sources: RowSources) {
    this.#db = db;
    this.#sources = sources;
    const { key, name, columns } = sources.table;
    this.#find = db
      .prepare(`SELECT rowid FROM ${name} WHERE ${key.map((column) => `${column} = ?`).join(' AND ')}`)
      .pluck();
    this.rowsBefore = db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number;
    this.#seen = this.rowsBefore > 0 ? new RowSet() : undefined;
    const bookkeeping = bookkeepingColumns.map((_, index) => columns.length + index);
    this.#held = new HeldValues(db, name, columns.length + bookkeeping.length, bookkeeping);
  }

  get table(): Table {
    return this.#sources.table;
  }

  get added(): AddedColumns | undefined {
    return this.#sources.added;
  }

  /** Rows in the table now, but for those removed by `prune`. */
  get rows(): number {
    return this.rowsBefore + this.counts.inserted;
  }

  /** Rows that were there before and that no record of this load has named. */
  get stale(): number {
    return this.#seen === undefined ? 0 : this.rows - this.#seen.size;
  }

  /**
   * Takes the row of a record, for `store`.
   *
   * Throws  MemberError where a key member is missing or no whole number
   */
  take(members: RowMembers, given: Bound = null): void {
    const statements = this.#statementsFor(members);
    const { parameters } = statements;
    const values: Bound[] = new Array(parameters.length);
    for (let index = 0; index < parameters.length; index += 1) {
      const parameter = parameters[index] as Parameter;
      const value = parameterValue(parameter, this.#sources, members, given);
      values[index] = value;
      if (parameter.column >= 0) this.#held.note(parameter.column, value);
    }
    this.#taken = statements;
    this.#values = values;
  }

  /** Writes the row taken last, by the next `flush` at the latest. */
  store(): void {
    const statements = this.#taken as RowStatements;
    this.#held.settle(this.#flushFirst);
    if (this.#waitingFor !== statements) this.flush();
    const row = this.#seen && this.#findRow(statements, this.#values);
    if (row !== undefined) {
      this.flush();
      this.#update(statements, this.#values, row);
      return;
    }
    this.#waiting.push(this.#values);
    this.#waitingFor = statements;
    if (statements.isFull(this.#waiting.length)) this.#insert(statements, this.#waiting.splice(0));
  }

  /** Writes what waits for further rows: to be called before anything but `store` looks at the table or at the counts. */
  flush(): void {
    for (const values of this.#waiting.splice(0)) this.#insert(this.#waitingFor as RowStatements, [values]);
  }

  /** Inserts rows, and updates those whose key is there. */
  #insert(statements: RowStatements, rows: readonly Bound[][]): void {
    const { first, last } = statements.insert(rows);
    for (let row = first; row <= last; row += 1) {
      this.#seen?.add(row);
      this.touched.add(row);
    }
    this.counts.inserted += last - first + 1;
    if (last - first + 1 === rows.length) return;
    // New rows are numbered in their order; any other number is of a row that was there when its turn came.
    let next = first;
    for (const values of rows) {
      const row = this.#findRow(statements, values) as number;
      if (row === next && row <= last) next += 1;
      else this.#update(statements, values, row);
    }
  }

  #update(statements: RowStatements, values: readonly Bound[], row: number): void {
    const repeated = this.#seen === undefined || !this.#seen.add(row);
    if (!statements.update(values)) {
      this.counts.unchanged += 1;
      return;
    }
    this.counts.changed += 1;
    if (repeated) this.counts.differing += 1;
    this.touched.add(row);
  }

  /** Gives rows their batch number. */
  renumber(first: number, last: number, number: string): void {
    const set = `UPDATE ${this.table.name} SET BATCH_NUMBER = ? WHERE rowid BETWEEN ? AND ?`;
    this.#db.prepare(set).run(number, first, last);
  }

  /**
   * Removes those of the next `limit` rows after `row` that no record of this load has named.
   *
   * Yields  how many that were, and the last row looked at; undefined where there is none left
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

  #findRow({ keyPlaces }: RowStatements, values: readonly Bound[]): number | undefined {
    return this.#find.get(keyPlaces.map((place) => values[place])) as number | undefined;
  }

  #statementsFor(members: RowMembers): RowStatements {
    const { added, table } = this.#sources;
    const { shape } = members;
    const withExtras = members.extras !== '' && added !== undefined;
    const made = withExtras ? this.#statementsWithExtras : this.#statements;
    let statements = made.get(shape);
    if (statements === undefined) {
      const parameters = rowParameters(this.#sources, members, withExtras);
      statements = new RowStatements(this.#db, table, parameters, this.#held);
      made.set(shape, statements);
    }
    return statements;
  }
}
