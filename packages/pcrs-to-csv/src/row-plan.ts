import type { ColumnPath } from 'pcrs-sink/members';
import { forms } from 'pcrs-sink/places';
import type { Members } from 'pcrs-sink/table';
import type { Covered, CsvColumn, Layout } from './columns.ts';

/** A part of a member: its column in the record, and the length of its name with a colon. */
interface Part {
  readonly column: number;
  readonly nameBytes: number;
}

/** A column of the CSV, and the place of its value in the record. */
export interface PlannedCell {
  readonly column: number;
  /** Place of a member with the whole dotted name; -1 if there is no such column. */
  readonly dotted: number;
  readonly host: boolean;
  readonly without: readonly string[] | undefined;
  readonly parts: readonly Part[];
}

/** A member that columns show only in parts. */
interface PartlyShown {
  readonly name: string;
  readonly column: number;
  readonly covered: Covered;
  /** Undefined if parts of parts are shown. */
  readonly parts: readonly Part[] | undefined;
}

/** Plan of a row. */
export interface RowPlan {
  readonly cells: readonly PlannedCell[];
  readonly partly: readonly PartlyShown[];
}

/** Plans the rows of a layout; `columnOf` gives a path its column in the record. */
export function planRows({ columns, covered }: Layout, columnOf: (path: ColumnPath) => number): RowPlan {
  const partOf = (member: string, name: string): Part => ({
    column: columnOf([member, name]),
    nameBytes: Buffer.byteLength(JSON.stringify(name)) + 1,
  });
  return {
    cells: columns.map(({ dotted, host, name, path, without }) => ({
      column: columnOf(path.length === 1 ? (path[0] as string) : path),
      dotted: dotted ? columnOf(name) : -1,
      host: host ?? false,
      without,
      parts: (without ?? []).map((part) => partOf(path[0] as string, part)),
    })),
    partly: [...covered].flatMap(([name, known]) => {
      if (known === 'whole') return [];
      const isFlat = [...known.values()].every((part) => part === 'whole');
      const parts = isFlat ? [...known.keys()].map((part) => partOf(name, part)) : undefined;
      return [{ name, column: columnOf(name), covered: known, parts }];
    }),
  };
}

/** Every path in a plan of these columns. */
export function pathsOf(columns: readonly CsvColumn[], covered: Covered): ColumnPath[] {
  const paths = new Map<string, ColumnPath>();
  planRows({ columns, covered }, (path) => {
    paths.set(JSON.stringify(path), path);
    return 0;
  });
  return [...paths.values()];
}

/** Whether an object holds nothing but the parts that the scan found: they take up all its bytes, without spaces. */
export function holdsOnly(record: Members, object: number, parts: readonly Part[]): boolean {
  let bytes = 1;
  for (const { column, nameBytes } of parts) {
    const form = record.form(column);
    if (form === forms.absent) continue;
    bytes += nameBytes + record.end(column) - record.start(column) + 1;
    if (form >= forms.string) bytes += 2;
  }
  // Without parts there are the two braces.
  return Math.max(bytes, 2) === record.end(object) - record.start(object);
}
