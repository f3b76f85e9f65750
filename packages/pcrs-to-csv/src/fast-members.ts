import type { CsvColumn, Layout } from './columns.ts';
import { type Words, wordsOf } from './words.ts';

/** A member of a record, as fast rows see it. */
export interface Member {
  readonly name: string;
  /** `"name":` */
  readonly key: Words;
  /** show: columns show it or parts of it; pass: none does; kind: the tag; refuse: its line is not for fast rows. */
  readonly use: 'show' | 'pass' | 'kind' | 'refuse';
  /** The slot of the column that shows it, or -1. */
  readonly slot: number;
  /** The slot of the column that shows what the parts leave, or -1. */
  readonly rest: number;
  /** Parts with a column of their own, and those that are not among what is left, each with its quoted name. */
  readonly parts: readonly { name: Words; slot: number }[];
  /** Parts of it that no column shows need not be told of. */
  readonly loose: boolean;
  /** The line in which it came last. */
  seen: number;
  /** The member that came after it in the line before. */
  next: Member | undefined;
}

export type Members = Map<string, Member>;

/** A stream of made-up names must not fill the memory. */
const maxMembers = 1000;

/**
 * Whether fast rows can show a layout: a row is a record, its tag is not shown, nothing is shown twice, and no part
 * of a part.
 */
export function canBeFast({ columns }: Layout): boolean {
  const places = new Set(columns.map(({ path, without }) => JSON.stringify([path, without])));
  const simple = columns.every(({ path, host }) => !host && path[0] !== 'kind' && path.length <= 2);
  return simple && places.size === columns.length && columns.length > 1;
}

/**
 * The members that a layout shows, by name; a column's place in the layout is its slot.
 *
 * Takes  picked  members without a column need not be told of
 */
export function membersOf(layout: Layout, picked: boolean): Members {
  const members: Members = new Map([['kind', { ...bare('kind'), use: 'kind' }]]);
  const names = new Set(layout.columns.map(({ path }) => path[0] as string));
  for (const name of names) {
    const loose = picked || layout.covered.get(name) === 'whole';
    members.set(name, { ...bare(name), ...shownBy(layout, name), loose, use: 'show' });
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

function bare(name: string): Member {
  const nowhere = { slot: -1, rest: -1, parts: [], loose: true };
  return { name, key: keyOf(name), use: 'pass', ...nowhere, seen: 0, next: undefined };
}

function keyOf(name: string): Words {
  return wordsOf(Buffer.from(`${JSON.stringify(name)}:`));
}

function shownBy({ columns }: Layout, name: string): Pick<Member, 'slot' | 'rest' | 'parts'> {
  const shown = columns.map((column, slot) => ({ ...column, slot })).filter(({ path }) => path[0] === name);
  const slotOf = (wanted: (column: CsvColumn) => boolean) => shown.find(wanted)?.slot ?? -1;
  const rest = shown.find(({ without }) => without);
  const parts = new Set([...shown.flatMap(({ path }) => path.slice(1)), ...(rest?.without ?? [])]);
  return {
    slot: slotOf(({ path, without }) => path.length === 1 && !without),
    rest: rest?.slot ?? -1,
    parts: [...parts].map((part) => ({
      name: wordsOf(Buffer.from(JSON.stringify(part))),
      slot: slotOf(({ path }) => path[1] === part),
    })),
  };
}
