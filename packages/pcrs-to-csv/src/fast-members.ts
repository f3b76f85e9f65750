import type { CsvColumn, Layout } from './columns.ts';

/** A member of a record, as fast rows see it. */
export interface Member {
  readonly name: string;
  /** `"name":` */
  readonly key: Uint8Array;
  /** show: columns show it or parts of it; pass: none does; kind: the tag; refuse: its line is not for fast rows. */
  readonly use: 'show' | 'pass' | 'kind' | 'refuse';
  /** The slot of the column that shows it, where no other shows any part of it, else -1. */
  readonly slot: number;
  /** Parts with a column of their own, where no column needs the member as a whole or a part of a part. */
  readonly parts: readonly { key: Uint8Array; slot: number }[];
  /** Its columns, for where it has to be parsed. */
  readonly columns: readonly { column: CsvColumn; slot: number }[];
  /** It may be parsed by itself: no part of it has to be reported. */
  readonly whole: boolean;
  /** The line in which it came last. */
  seen: number;
  /** The member that came after it in the line before. */
  next: Member | undefined;
}

export type Members = Map<string, Member>;

/** A stream of made-up names must not fill the memory. */
const maxMembers = 1000;

/** Whether fast rows can show a layout: a row is a record, its tag is not shown, and nothing is shown twice. */
export function canBeFast({ columns }: Layout): boolean {
  const places = new Set(columns.map(({ path, without }) => JSON.stringify([path, without])));
  const plain = columns.every(({ path, host }) => !host && path[0] !== 'kind');
  return plain && places.size === columns.length && columns.length > 1;
}

/**
 * The members that a layout shows, by name; a column's place in the layout is its slot.
 *
 * Takes  picked  members without a column need not be reported
 */
export function membersOf(layout: Layout, picked: boolean): Members {
  const columns = Map.groupBy(
    layout.columns.map((column, slot) => ({ column, slot })),
    ({ column }) => column.path[0] as string,
  );
  const members: Members = new Map([['kind', { ...bare('kind'), use: 'kind' }]]);
  for (const [name, shown] of columns) {
    const whole = picked || layout.covered.get(name) === 'whole';
    members.set(name, { ...bare(name), ...shownBy(shown), columns: shown, whole, use: 'show' });
  }
  for (const { name, dotted } of layout.columns) {
    if (dotted) members.set(name, { ...bare(name), use: 'refuse' });
  }
  return members;
}

/** A member that no column shows joins the others; undefined where there are too many. */
export function passing(members: Members, name: string): Member | undefined {
  if (members.size >= maxMembers) return undefined;
  const member = bare(name);
  members.set(name, member);
  return member;
}

/** Whether bytes go on with a key or another text at a place. */
export function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

function bare(name: string): Member {
  return {
    ...{ name, key: keyOf(name), use: 'pass', slot: -1, parts: [], columns: [], whole: true, seen: 0 },
    next: undefined,
  };
}

function keyOf(name: string): Uint8Array {
  return Buffer.from(`${JSON.stringify(name)}:`);
}

function shownBy(columns: Member['columns']): Pick<Member, 'slot' | 'parts'> {
  const alone = columns.length === 1 ? columns[0] : undefined;
  if (alone?.column.path.length === 1 && !alone.column.without) return { slot: alone.slot, parts: [] };
  const apart = columns.every(({ column: { path, without } }) => path.length === 2 || without !== undefined);
  const parts = columns.filter(({ column }) => apart && column.path.length === 2);
  return {
    slot: -1,
    parts: parts.map(({ column, slot }) => ({ key: keyOf(column.path[1] as string), slot })),
  };
}
