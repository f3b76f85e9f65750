import { type FlatColumn, flatPostureColumns, hostIdsTable, policyTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject } from 'pcrs-records/kinds';

/** A column of a CSV: its name, and where its value is. */
export interface CsvColumn {
  readonly name: string;
  /** The value in a record; `hostId` is the host that a row of a `hostids` record is about. */
  read(record: JsonObject, hostId: unknown): unknown;
}

/** What a CSV of one kind shows, and which members of its records that covers. */
export interface Layout {
  readonly columns: readonly CsvColumn[];
  /** Members that some column shows, whether it was picked or not. */
  readonly covered: Covered;
}

/** Members by name: shown whole, or the parts of them that are shown. */
export type Covered = Map<string, 'whole' | Covered>;

export interface ColumnOptions {
  /** Picks and orders; every name must be a column. */
  columns?: readonly string[] | undefined;
  /** Members by dotted path, appended as columns of that name. */
  add?: readonly string[] | undefined;
}

type Path = readonly string[];
interface Candidate extends CsvColumn {
  readonly covers: readonly Path[];
}

const declared: Readonly<Record<string, readonly Candidate[]>> = {
  policy: policyTable.columns.map(({ name }) => member(name)),
  hostids: hostIdsTable.columns.map(({ name }) =>
    name === 'hostId' ? { name, read: (_record, hostId) => hostId, covers: [['hostIds']] } : member(name),
  ),
  posture: flatPostureColumns.map(flatColumn),
};

/**
 * The layout of a kind's CSV.
 *
 * Takes   first  the first record of the kind: where the suite declares no columns, its members are the columns
 * Yields  undefined where the columns are neither declared nor known from a first record
 * Throws  PCRS_USAGE for a name in `columns` that is no column
 */
export function layoutOf(
  kind: string,
  options: ColumnOptions,
  first: JsonObject | undefined,
): Layout | undefined {
  const own = Object.hasOwn(declared, kind) ? declared[kind] : first && membersOf(first);
  if (own === undefined) return undefined;
  const names = new Set(own.map(({ name }) => name));
  const added = [...new Set(options.add)].filter((name) => !names.has(name)).map(dotted);
  const all = [...own, ...added];
  const picked = options.columns ? pick(kind, options.columns, all) : own;
  const columns = [...picked, ...added.filter((column) => !picked.includes(column))];
  return { columns, covered: cover(all) };
}

/** The names that `--columns` and `--add` ask for: the header of a kind without columns and records. */
export function askedNames(options: ColumnOptions): string[] {
  return [...new Set([...(options.columns ?? []), ...(options.add ?? [])])];
}

function member(name: string): Candidate {
  return { name, read: (record) => own(record, name), covers: [[name]] };
}

function membersOf(record: JsonObject): Candidate[] {
  return Object.keys(record)
    .filter((name) => name !== 'kind')
    .map(member);
}

function flatColumn({ name, path, without }: FlatColumn): Candidate {
  const [outer, inner] = path;
  if (inner !== undefined) return { name, read: (record) => part(own(record, outer), inner), covers: [path] };
  if (without === undefined) return member(outer);
  return { name, read: (record) => remainder(own(record, outer), without), covers: [path] };
}

/** `a.b`: a member of that very name, else the part b of the member a. */
function dotted(name: string): Candidate {
  const path = name.split('.');
  return {
    name,
    read: (record) =>
      Object.hasOwn(record, name)
        ? record[name]
        : path.reduce<unknown>((value, key) => part(value, key), record),
    covers: [[name], path],
  };
}

function own(record: JsonObject, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function part(value: unknown, name: string): unknown {
  return isObject(value) ? own(value, name) : undefined;
}

/** What the named parts leave of a member: undefined where nothing; all of a value that is no object. */
function remainder(value: unknown, without: readonly string[]): unknown {
  if (!isObject(value)) return value;
  const left = Object.entries(value).filter(([name]) => !without.includes(name));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function pick(kind: string, names: readonly string[], all: readonly Candidate[]): Candidate[] {
  return names.map((name) => {
    const column = all.find((candidate) => candidate.name === name);
    if (column) return column;
    const near = all.find((candidate) => letters(candidate.name) === letters(name));
    const hint = near
      ? `did you mean ${near.name}?`
      : `there are ${all.map((column) => column.name).join(', ')};`;
    throw codedError(
      'PCRS_USAGE',
      `--columns: ${kind} has no column ${name}; ${hint} --add takes any member by its path`,
    );
  });
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function cover(columns: readonly Candidate[]): Covered {
  const covered: Covered = new Map([['kind', 'whole']]);
  for (const path of columns.flatMap((column) => column.covers)) {
    let parts = covered;
    for (const [index, name] of path.entries()) {
      const known = parts.get(name);
      if (known === 'whole') break;
      if (index === path.length - 1) parts.set(name, 'whole');
      else {
        const inner: Covered = known ?? new Map();
        parts.set(name, inner);
        parts = inner;
      }
    }
  }
  return covered;
}

/**
 * Members that no column covers, nested ones as far as their parts are covered.
 *
 * Takes   found  told the dotted path of each
 * Yields  them as an object of the record's shape, or undefined where there are none
 */
export function uncovered(
  record: JsonObject,
  covered: Covered,
  found: (path: string) => void,
  prefix = '',
): JsonObject | undefined {
  let left: JsonObject | undefined;
  for (const name of Object.keys(record)) {
    const known = covered.get(name);
    if (known === 'whole') continue;
    let value = record[name];
    if (known !== undefined) {
      if (value === null) continue;
      if (isObject(value)) value = uncovered(value, known, found, `${prefix}${name}.`);
      else found(prefix + name);
      if (value === undefined) continue;
    } else found(prefix + name);
    left ??= Object.create(null) as JsonObject;
    left[name] = value;
  }
  return left;
}
