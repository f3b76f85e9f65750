import { changeColumns, flatPostureColumns, hostIdsTable, policyTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject } from 'pcrs-records/kinds';

/** A column of a CSV: its name, and where its value is. */
export interface CsvColumn {
  readonly name: string;
  /** A member of the record, or a part of a member, or of that. */
  readonly path: readonly string[];
  /** The value is the member without the named parts. */
  readonly without?: readonly string[];
  /** A member that has the column's whole name, dots and all, comes before the path. */
  readonly dotted?: true;
  /** The value is the host that a row of a `hostids` record is about. */
  readonly host?: true;
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

const declared: Readonly<Record<string, readonly CsvColumn[]>> = {
  policy: policyTable.columns.map(({ name }) => member(name)),
  hostids: hostIdsTable.columns.map(({ name }) =>
    name === 'hostId' ? { name, path: ['hostIds'], host: true } : member(name),
  ),
  posture: flatPostureColumns,
  change: changeColumns,
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

/** The value of a column in a record; a column of hosts has none there. */
export function columnValue(column: CsvColumn, record: JsonObject): unknown {
  if (column.host) return undefined;
  if (column.dotted && Object.hasOwn(record, column.name)) return record[column.name];
  let value: unknown = record;
  for (const name of column.path) value = part(value, name);
  return column.without ? remainder(value, column.without) : value;
}

function member(name: string): CsvColumn {
  return { name, path: [name] };
}

function membersOf(record: JsonObject): CsvColumn[] {
  return Object.keys(record)
    .filter((name) => name !== 'kind')
    .map(member);
}

/** `a.b`: a member of that very name, else the part b of the member a. */
function dotted(name: string): CsvColumn {
  const path = name.split('.');
  return path.length === 1 ? member(name) : { name, path, dotted: true };
}

function part(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** What the named parts leave of a member: undefined where nothing; all of a value that is no object. */
function remainder(value: unknown, without: readonly string[]): unknown {
  if (!isObject(value)) return value;
  const left = Object.entries(value).filter(([name]) => !without.includes(name));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

function pick(kind: string, names: readonly string[], all: readonly CsvColumn[]): CsvColumn[] {
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

function cover(columns: readonly CsvColumn[]): Covered {
  const covered: Covered = new Map([['kind', 'whole']]);
  const paths = columns.flatMap(({ name, path, dotted }) => (dotted ? [[name], path] : [path]));
  for (const path of paths) {
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
