import type { Database, Statement } from 'better-sqlite3';
import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import type { HeldValues } from './held-values.ts';
import type { Parameter } from './row-parameters.ts';
import { quoted, unknownMembers } from './schema.ts';
import type { Bound } from './values.ts';

const bookkeeping = new Set(bookkeepingColumns.map(({ name }) => name));

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
  readonly #values: Bound[] = [];
  #preparedFor = -1;
  #sql = '';
  #insert: Statement | undefined;
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

  /** Inserts a row unless its key is there; its number, or undefined. */
  insert(values: readonly Bound[]): number | undefined {
    this.#prepare();
    this.#insert ??= this.#db.prepare(`${this.#sql} NOTHING`);
    const { changes, lastInsertRowid } = this.#insert.run(this.#handedOver(values));
    return changes === 1 ? (lastInsertRowid as number) : undefined;
  }

  /** Gives the row with this key these values; whether that changed any but bookkeeping. */
  update(values: readonly Bound[]): boolean {
    if (this.#differs === '') return false;
    this.#prepare();
    this.#update ??= this.#db.prepare(`${this.#sql} UPDATE SET ${this.#replaced()} WHERE ${this.#differs}`);
    return this.#update.run(this.#handedOver(values)).changes === 1;
  }

  #prepare(): void {
    const held = this.#held;
    if (this.#preparedFor === held.version) return;
    this.#preparedFor = held.version;
    this.#insert = undefined;
    this.#update = undefined;
    this.#bound = [...this.parameters.keys()].filter((place) => !held.isHeld(this.#column(place)));
    this.#values.length = this.#bound.length;
    const names = this.parameters.map(({ name }) => quoted(name));
    const sources = this.parameters.map(({ column }) => (held.isHeld(column) ? `held.c${column}` : '?'));
    this.#sql =
      `INSERT INTO ${this.#table.name} (${names.join(', ')}) SELECT ${sources.join(', ')} ` +
      `FROM temp.${held.table} AS held WHERE true ON CONFLICT (${this.#table.key.join(', ')}) DO`;
  }

  #handedOver(values: readonly Bound[]): Bound[] {
    const bound = this.#bound;
    for (let index = 0; index < bound.length; index += 1) {
      this.#values[index] = values[bound[index] as number] as Bound;
    }
    return this.#values;
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
      .join(', ');
  }
}

function replacement(name: string): string {
  const value = `excluded.${quoted(name)}`;
  return name === unknownMembers ? `pcrs_merged(${quoted(name)}, ${value})` : value;
}
