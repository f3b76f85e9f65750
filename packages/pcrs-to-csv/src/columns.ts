import { changeColumns, flatPostureColumns, hostIdsTable, policyTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';

/** A column of a CSV: its name, and the place of its value. */
export interface CsvColumn {
  readonly name: string;
  /** A member of the record, or a nested part of one. */
  readonly path: readonly string[];
  /** Parts to leave out; the value is the rest of the member. */
  readonly without?: readonly string[];
  /** A member with the column's whole name, dots included, wins over the path. */
  readonly dotted?: true;
  /** The value is the row's host in a `hostids` record. */
  readonly host?: true;
}

/** The columns of one kind's CSV, and the members of its records that they cover. */
export interface Layout {
  readonly columns: readonly CsvColumn[];
  /** Members that some column shows, picked or not. */
  readonly covered: Covered;
}

/** Members by name: shown whole, or their parts that are shown. */
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

/** Members that repeat what the columns show: a change contains the whole posture. */
const repeating: ReadonlyMap<string, readonly string[]> = new Map([['change', ['posture']]]);

/**
 * The layout of a kind's CSV.
 *
 * Takes   first  the members of the kind's first record: the columns, if the suite declares none
 * Yields  undefined if the columns are neither declared nor known from a first record
 * Throws  PCRS_USAGE for a name in `columns` that is not a column
 */
export function layoutOf(
  kind: string,
  options: ColumnOptions,
  first: readonly string[] | undefined,
): Layout | undefined {
  const own = Object.hasOwn(declared, kind) ? declared[kind] : first?.map(member);
  if (own === undefined) return undefined;
  const names = new Set(own.map(({ name }) => name));
  const added = [...new Set(options.add)].filter((name) => !names.has(name)).map(dotted);
  const all = [...own, ...added];
  const picked = options.columns ? pick(kind, options.columns, all) : own;
  const columns = [...picked, ...added.filter((column) => !picked.includes(column))];
  const covered = cover(all);
  for (const name of repeating.get(kind) ?? []) covered.set(name, 'whole');
  return { columns, covered };
}

/** The names in `--columns` and `--add`: the header of a kind without columns and records. */
export function askedNames(options: ColumnOptions): string[] {
  return [...new Set([...(options.columns ?? []), ...(options.add ?? [])])];
}

function member(name: string): CsvColumn {
  return { name, path: [name] };
}

/** `a.b`: the member of that very name, else part b of member a. */
function dotted(name: string): CsvColumn {
  const path = name.split('.');
  return path.length === 1 ? member(name) : { name, path, dotted: true };
}

function pick(kind: string, names: readonly string[], all: readonly CsvColumn[]): CsvColumn[] {
  return names.map((name) => {
    const column = all.find((candidate) => candidate.name === name);
    if (column) return column;
    const near = all.find((candidate) => letters(candidate.name) === letters(name));
    const hint = near
      ? `did you mean ${near.name}?`
      : `its columns are ${all.map((column) => column.name).join(', ')};`;
    throw codedError(
      'PCRS_USAGE',
      `--columns: ${kind} has no column ${name}; ${hint} --add accepts any member by its path`,
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
