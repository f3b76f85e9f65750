import type { Database, Statement } from 'better-sqlite3';
import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import type { HeldValues } from './held-values.ts';
import type { Parameter } from './row-parameters.ts';
import { unknownMembers } from './schema.ts';
import type { Bound } from './values.ts';
import { quoted } from './views.ts';

const bookkeeping = new Set(bookkeepingColumns.map(({ name }) => name));

/** Rows that are inserted by one statement where there are so many: each run of a statement costs as much as two rows. */
const rowsTogether = 8;

/** Rows that were inserted, by their numbers; none is like a last before its first. */
export interface Inserted {
  readonly first: number;
  readonly last: number;
}

/** The statements for rows of one shape. */
export class RowStatements {
  readonly parameters: readonly Parameter[];
  /** Of each key column, in the key's order, its place among the parameters. */
  readonly keyPlaces: readonly number[];
  readonly #db: Database;
  readonly #table: Table;
  readonly #held: HeldValues;
  readonly #differs: string;
  /** Parameters whose values are handed over; the others' are held. */
  #bound: readonly number[] = [];
  #preparedFor = -1;
  #into = '';
  #select = '';
  #conflict = '';
  #insertOne: Statement | undefined;
  #insertSome: Statement | undefined;
  #update: Statement | undefined;

  constructor(db: Database, table: Table, parameters: readonly Parameter[], held: HeldValues) {
    this.#db = db;
    this.#table = table;
    this.#held = held;
    this.parameters = parameters;
    this.keyPlaces = table.key.map((name) => parameters.findIndex((parameter) => parameter.name === name));
    this.#differs = this.#members()
      .map(({ name }) => `${quoted(name)} IS NOT ${replacement(name)}`)
      .join(' OR ');
  }

  /** Whether so many rows make a statement full. */
  isFull(rows: number): boolean {
    return rows >= rowsTogether;
  }

  /**
   * Inserts rows, but for those whose key is there.
   *
   * Takes  rows  one, or as many as make a statement full
   */
  insert(rows: readonly (readonly Bound[])[]): Inserted {
    this.#prepare();
    let statement = rows.length === 1 ? this.#insertOne : this.#insertSome;
    if (statement === undefined) {
      const selects = new Array(rows.length).fill(this.#select).join(' UNION ALL ');
      statement = this.#db.prepare(`${this.#into} ${selects} ${this.#conflict} NOTHING`);
      if (rows.length === 1) this.#insertOne = statement;
      else this.#insertSome = statement;
    }
    const { changes, lastInsertRowid } = statement.run(this.#handedOver(rows));
    return { first: (lastInsertRowid as number) - changes + 1, last: lastInsertRowid as number };
  }

  /** Gives the row with this key these values; whether that changed any but bookkeeping. */
  update(values: readonly Bound[]): boolean {
    if (this.#differs === '') return false;
    this.#prepare();
    this.#update ??= this.#db.prepare(
      `${this.#into} ${this.#select} ${this.#conflict} UPDATE SET ${this.#replaced()} WHERE ${this.#differs}`,
    );
    return this.#update.run(this.#handedOver([values])).changes === 1;
  }

  #prepare(): void {
    const held = this.#held;
    if (this.#preparedFor === held.version) return;
    this.#preparedFor = held.version;
    this.#insertOne = undefined;
    this.#insertSome = undefined;
    this.#update = undefined;
    this.#bound = [...this.parameters.keys()].filter((place) => !held.isHeld(this.#column(place)));
    const names = this.parameters.map(({ name }) => quoted(name));
    const sources = this.parameters.map(({ column }) => (held.isHeld(column) ? `held.c${column}` : '?'));
    this.#into = `INSERT INTO ${this.#table.name} (${names.join(', ')})`;
    this.#select = `SELECT ${sources.join(', ')} FROM temp.${held.table} AS held WHERE true`;
    this.#conflict = `ON CONFLICT (${this.#table.key.join(', ')}) DO`;
  }

  #handedOver(rows: readonly (readonly Bound[])[]): Bound[] {
    const values: Bound[] = [];
    for (const row of rows) for (const place of this.#bound) values.push(row[place] as Bound);
    return values;
  }

  #column(place: number): number {
    return (this.parameters[place] as Parameter).column;
  }

  #members(): Parameter[] {
    return this.parameters.filter(({ name, key }) => key === undefined && !bookkeeping.has(name));
  }

  #replaced(): string {
    return this.parameters
      .filter(({ key }) => key === undefined)
      .map(({ name }) => `${quoted(name)} = ${replacement(name)}`)
      .concat(this.#forgotten())
      .join(', ');
  }

  /** What an evaluation found does not outlive it: absent under another status or date, it goes. */
  #forgotten(): string[] {
    const given = new Set(this.parameters.map(({ name }) => name));
    const differs = ofEvaluation.when
      .filter((name) => given.has(name))
      .map((name) => `${quoted(name)} IS NOT excluded.${quoted(name)}`)
      .join(' OR ');
    const columns = new Set(this.#table.columns.map(({ name }) => name));
    return ofEvaluation.found
      .filter((name) => differs !== '' && columns.has(name) && !given.has(name))
      .map((name) => `${quoted(name)} = CASE WHEN ${differs} THEN NULL ELSE ${quoted(name)} END`);
  }
}

/** Columns that tell one evaluation from another, and what it found. */
const ofEvaluation = { when: ['status', 'lastEvaluatedDate'], found: ['evidence', 'causeOfFailure'] };

function replacement(name: string): string {
  const value = `excluded.${quoted(name)}`;
  return name === unknownMembers ? `pcrs_merged(${quoted(name)}, ${value})` : value;
}
