import { bookkeepingColumns, type Table } from 'pcrs-records/columns';
import type { Shape } from './layout.ts';
import { MemberError } from './member-error.ts';
import { type AddedColumns, unknownMembers } from './schema.ts';
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

/** The members of a record, as a row is made of them. */
export interface RowMembers {
  readonly names: readonly string[];
  /** Which slots the record has filled. */
  readonly shape: Shape;
  /** `"name":value,…` of the members that have no column; empty where there were none. */
  readonly extras: string;
  /** The slot of a column; -1 where there is none. */
  slotOf(name: string): number;
  /** The value of a slot that the record has filled. */
  bound(slot: number): Bound;
}

/** A column of a row to write, and where its value comes from. */
export interface Parameter {
  readonly name: string;
  /** Its place among the table's columns and the bookkeeping ones after them; -1 for a column that a record brought. */
  readonly column: number;
  /** A slot, or one of the places below it. */
  readonly source: number;
  /** Of a key column: what it may be. */
  readonly key: 'integer' | 'text' | undefined;
  /** Of a key column: what null and absent count as; null where it must be there. */
  readonly zero: Bound;
}

const absentKey = -1;
const givenValue = -2;
const otherMembers = -3;
const batchDate = -4;
const batchNumber = -5;
const loadedAt = -6;

/** What a writer puts into rows besides members. */
export interface RowSources {
  readonly table: Table;
  /** Undefined where members without a column go into another table. */
  readonly added: AddedColumns | undefined;
  readonly batch: Batch;
  /** The column whose value is no member's but given with each row. */
  readonly given: string | undefined;
}

/**
 * The columns of the rows that records of a shape make; new columns are added to the table.
 *
 * Takes   withExtras  the record has members that can have no column
 * Throws  MemberError where a key member is missing
 */
export function rowParameters(sources: RowSources, members: RowMembers, withExtras: boolean): Parameter[] {
  const { table } = sources;
  const { shape } = members;
  const declared = table.columns.flatMap(({ name, type }, column): Parameter[] => {
    const isKey = table.key.includes(name);
    const key = isKey ? (type === 'INTEGER' ? 'integer' : 'text') : undefined;
    const zero = table.zeroKeys.includes(name) ? (type === 'INTEGER' ? 0 : '0') : null;
    const slot = members.slotOf(name);
    if (name === sources.given) return [{ name, column, source: givenValue, key, zero }];
    if (shape.has(slot)) return [{ name, column, source: slot, key, zero }];
    if (!isKey) return [];
    if (zero === null) throw new MemberError(`${name} is missing (it is part of the key of ${table.name})`);
    return [{ name, column, source: absentKey, key, zero }];
  });
  const bookkeeping = bookkeepingColumns.map(({ name }, index) => ({
    name,
    column: table.columns.length + index,
    source: [batchDate, batchNumber, loadedAt][index] as number,
    key: undefined,
    zero: null,
  }));
  return [...declared, ...broughtParameters(sources, members, withExtras), ...bookkeeping];
}

/** Of the members that have no declared column. */
function broughtParameters({ added }: RowSources, members: RowMembers, withExtras: boolean): Parameter[] {
  if (added === undefined) return [];
  const column = (name: string, source: number) => ({ name, column: -1, source, key: undefined, zero: null });
  const brought = members.shape.slots
    .map((slot) => column(members.names[slot] as string, slot))
    .filter(({ name }) => added.has(name));
  if (withExtras) brought.push(column(unknownMembers, otherMembers));
  for (const { name } of brought) added.ensure(name);
  return brought;
}

/**
 * A parameter's value in the record read last.
 *
 * Throws  MemberError where a key member is null or no whole number
 */
export function parameterValue(
  parameter: Parameter,
  { batch, table }: RowSources,
  members: RowMembers,
  given: Bound,
): Bound {
  const { key, source } = parameter;
  let value: Bound;
  if (source >= 0) value = members.bound(source);
  else if (source === batchDate) return batch.date;
  else if (source === batchNumber) return batch.number;
  else if (source === loadedAt) return batch.loadedAt;
  else if (source === otherMembers) return `{${members.extras}}`;
  else value = source === givenValue ? given : parameter.zero;
  if (key === undefined) return value;
  if (value === null) {
    if (parameter.zero !== null) return parameter.zero;
    throw new MemberError(`${parameter.name} must not be null (it is part of the key of ${table.name})`);
  }
  if (key === 'integer' && typeof value === 'string') {
    throw new MemberError(
      `${parameter.name} must be a whole number, got ${JSON.stringify(value.slice(0, 80))}`,
    );
  }
  return value;
}
