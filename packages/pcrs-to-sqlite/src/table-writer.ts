import type { Database, Statement } from 'better-sqlite3';
import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import { MemberError, type Members, type Shape } from './members.ts';
import { RowRanges, RowSet } from './row-set.ts';
import { type AddedColumns, quoted, unknownMembers } from './schema.ts';
import type { Bound } from './values.ts';

/** What a row's bookkeeping columns say when it changes. */
export interface Batch {
  /** `YYYY-MM-DD hh:mm:ss`, UTC: the run's start, else the load's. */
  date: string;
  /** The slice, else 1. */
  number: string;
  /** `YYYY-MM-DD hh:mm:ss`, UTC. */
  readonly loadedAt: string;
}

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

/** Where a statement's parameter comes from. */
interface Parameter {
  readonly name: string;
  /** The slot; -1 for a key member that is absent and counts as 0, -2 for the value given to `take`, -3 for `extras`. */
  readonly slot: number;
  /** Of a key column that must be there: what it may be. */
  readonly key: 'integer' | 'text' | undefined;
  /** Of a key column: what null counts as. */
  readonly zero: Bound;
}

interface Statements {
  readonly parameters: readonly Parameter[];
  /** Of each key column, in the key's order, its place among the parameters. */
  readonly keyPlaces: readonly number[];
  readonly insert: Statement;
  /** Undefined where there is nothing but the key. */
  readonly upsertSql: string | undefined;
  upsert?: Statement;
}

const absentZero = -1;
const givenValue = -2;
const otherMembers = -3;

/**
 * Writes the rows of one table: new keys are inserted, known ones updated where a value changes.
 *
 * A member that is present replaces, null included; an absent one leaves what is stored; a row whose gateway
 * values do not change is not touched, its bookkeeping columns neither.
 */
export class TableWriter {
  readonly table: Table;
  readonly counts: RowCounts = { inserted: 0, changed: 0, unchanged: 0, differing: 0 };
  /** Undefined where members without a column go into another table. */
  readonly added: AddedColumns | undefined;
  /** Rows there before this load. */
  readonly rowsBefore: number;
  /** Rows written since `touched.take()`. */
  readonly touched = new RowRanges();
  readonly #db: Database;
  readonly #members: Members;
  readonly #given: string | undefined;
  readonly #batch: Batch;
  readonly #find: Statement;
  #statements = new WeakMap<Shape, Statements>();
  #extraStatements = new WeakMap<Shape, Statements>();
  /** The rows that this load met; undefined while each of the table's rows is of this load. */
  readonly #seen: RowSet | undefined;
  readonly #params: Bound[] = [];
  #taken: Statements | undefined;

  /**
   * Takes  given  the column whose value is not a member's but given to `take`
   */
  constructor(
    db: Database,
    table: Table,
    members: Members,
    added: AddedColumns | undefined,
    batch: Batch,
    given?: string,
  ) {
    this.#db = db;
    this.table = table;
    this.added = added;
    this.#members = members;
    this.#batch = batch;
    this.#given = given;
    const where = table.key.map((name) => `${name} = ?`).join(' AND ');
    this.#find = db.prepare(`SELECT rowid FROM ${table.name} WHERE ${where}`).pluck();
    this.rowsBefore = db.prepare(`SELECT count(*) FROM ${table.name}`).pluck().get() as number;
    this.#seen = this.rowsBefore > 0 ? new RowSet() : undefined;
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

  /**
   * Takes the row of the record read last, for `store`.
   *
   * Throws  MemberError where a key member is missing or no whole number
   */
  take(given?: Bound): void {
    const statements = this.#statementsFor();
    const { parameters } = statements;
    const params = this.#params;
    params.length = parameters.length + 1;
    for (let index = 0; index < parameters.length; index += 1) {
      params[index] = this.#valueOf(parameters[index] as Parameter, given);
    }
    params[parameters.length] = this.#batch.number;
    this.#taken = statements;
  }

  /** Writes the row taken last. */
  store(): void {
    const statements = this.#taken as Statements;
    let row: number | undefined;
    let repeated = true;
    if (this.#seen) row = this.#findRow(statements);
    if (row === undefined) {
      const { changes, lastInsertRowid } = statements.insert.run(this.#params);
      if (changes === 1) {
        this.#seen?.add(lastInsertRowid as number);
        this.touched.add(lastInsertRowid as number);
        this.counts.inserted += 1;
        return;
      }
    } else repeated = !(this.#seen as RowSet).add(row);
    if (!this.#update(statements)) {
      this.counts.unchanged += 1;
      return;
    }
    this.counts.changed += 1;
    if (repeated) this.counts.differing += 1;
    this.touched.add(row ?? (this.#findRow(statements) as number));
  }

  /** Gives rows their batch number. */
  renumber(first: number, last: number, number: string): void {
    const set = `UPDATE ${this.table.name} SET BATCH_NUMBER = ? WHERE rowid BETWEEN ? AND ?`;
    this.#db.prepare(set).run(number, first, last);
  }

  /** Prepares anew: the batch has another date. */
  forgetStatements(): void {
    this.#statements = new WeakMap();
    this.#extraStatements = new WeakMap();
  }

  /** Whether the row with this key has now other values. */
  #update(statements: Statements): boolean {
    if (statements.upsertSql === undefined) return false;
    statements.upsert ??= this.#db.prepare(statements.upsertSql);
    return statements.upsert.run(this.#params).changes === 1;
  }

  #findRow({ keyPlaces }: Statements): number | undefined {
    return this.#find.get(keyPlaces.map((place) => this.#params[place])) as number | undefined;
  }

  #valueOf({ name, slot, key, zero }: Parameter, given: Bound | undefined): Bound {
    const value =
      slot >= 0
        ? this.#members.bound(slot)
        : slot === absentZero
          ? zero
          : slot === givenValue
            ? (given as Bound)
            : `{${this.#members.extras}}`;
    if (key === undefined) return value;
    if (value === null) {
      if (zero !== null) return zero;
      throw new MemberError(`${name} must not be null (it is part of the key of ${this.table.name})`);
    }
    if (key === 'integer' && typeof value === 'string') {
      throw new MemberError(`${name} must be a whole number, got ${JSON.stringify(value.slice(0, 80))}`);
    }
    return value;
  }

  #statementsFor(): Statements {
    const { shape, extras } = this.#members;
    const made = extras === '' || this.added === undefined ? this.#statements : this.#extraStatements;
    const known = made.get(shape);
    if (known) return known;
    const statements = this.#prepare(shape, made === this.#extraStatements);
    made.set(shape, statements);
    return statements;
  }

  #prepare(shape: Shape, withExtras: boolean): Statements {
    const parameters = this.#parametersFor(shape, withExtras);
    const { date, loadedAt } = this.#batch;
    const own = parameters.map(({ name }) => quoted(name));
    const bookkeeping = bookkeepingColumns.map(({ name }) => name);
    const values = [...own.map(() => '?'), `'${date}'`, '?', `'${loadedAt}'`];
    const insert = `INSERT INTO ${this.table.name} (${[...own, ...bookkeeping].join(', ')}) VALUES (${values.join(', ')})`;
    const conflict = `ON CONFLICT (${this.table.key.join(', ')}) DO`;
    const members = parameters.filter(({ key }) => key === undefined);
    const replaced = members.map(({ name }) => [quoted(name), this.#replacement(name)] as const);
    const set = [
      ...replaced.map(([column, value]) => `${column} = ${value}`),
      ...bookkeeping.map((name) => `${name} = excluded.${name}`),
    ];
    const differs = replaced.map(([column, value]) => `${column} IS NOT ${value}`);
    return {
      parameters,
      keyPlaces: this.table.key.map((name) => parameters.findIndex((parameter) => parameter.name === name)),
      insert: this.#db.prepare(`${insert} ${conflict} NOTHING`),
      upsertSql:
        differs.length === 0
          ? undefined
          : `${insert} ${conflict} UPDATE SET ${set.join(', ')} WHERE ${differs.join(' OR ')}`,
    };
  }

  #replacement(name: string): string {
    const value = `excluded.${quoted(name)}`;
    return name === unknownMembers ? `pcrs_merged(${quoted(name)}, ${value})` : value;
  }

  #parametersFor(shape: Shape, withExtras: boolean): Parameter[] {
    const { table } = this;
    const declared = table.columns.flatMap(({ name, type }): Parameter[] => {
      const slot = this.#members.slotOf(name);
      const isKey = table.key.includes(name);
      const key = isKey ? (type === 'INTEGER' ? 'integer' : 'text') : undefined;
      const zero = table.zeroKeys.includes(name) ? (type === 'INTEGER' ? 0 : '0') : null;
      if (name === this.#given) return [{ name, slot: givenValue, key, zero }];
      if (shape.has(slot)) return [{ name, slot, key, zero }];
      if (!isKey) return [];
      if (zero === null) throw new MemberError(`${name} is missing (it is part of the key of ${table.name})`);
      return [{ name, slot: absentZero, key, zero }];
    });
    return [...declared, ...this.#brought(shape, withExtras)];
  }

  /** Of the members that have no declared column. */
  #brought(shape: Shape, withExtras: boolean): Parameter[] {
    const { added } = this;
    if (added === undefined) return [];
    const brought = shape.slots
      .map(
        (slot): Parameter => ({
          name: this.#members.names[slot] as string,
          slot,
          key: undefined,
          zero: null,
        }),
      )
      .filter(({ name }) => added.has(name));
    if (withExtras) brought.push({ name: unknownMembers, slot: otherMembers, key: undefined, zero: null });
    for (const { name } of brought) added.ensure(name);
    return brought;
  }
}
