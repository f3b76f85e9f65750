import { forms, headerWords } from 'pcrs-json/places';
import { type ColumnPath, Members, type OtherMember } from './members.ts';
import type { Slots } from './strange-row.ts';

export { Members } from './members.ts';

/** A sink's table for the records of one kind. */
export interface RecordTable {
  /** The initial columns. */
  readonly columns: readonly ColumnPath[];
  /**
   * Takes a record; its members are valid until this returns.
   *
   * Throws  RefusedRecord if it cannot be used; keep nothing of it then
   */
  take(members: Members): void;
  /** Whether a member without a column gets one; asked once per name. Default: none does. */
  wants?(name: string): boolean;
}

/** A record that a sink cannot use, and why: `hostId is missing`. */
export class RefusedRecord extends Error {}

/** Names without a column that are remembered; a stream of invented names must not fill the memory. */
const maxNames = 1000;

/** A table being filled: the members of its columns, and those without one. */
export class OpenTable {
  readonly #table: RecordTable;
  readonly #members: Members;
  readonly #slots: Slots;
  readonly #folded = new Map<string, number>();
  readonly #without = new Set<string>();
  /** Names of members that its columns take, whole or in parts. */
  readonly #own = new Set(['kind']);
  #foreign: { name: string; at: number }[] = [];
  #slotsKnown = 0;
  /** Words that a row needs to include all columns. */
  width = headerWords;

  constructor(kind: string, table: RecordTable, slots: Slots) {
    this.#table = table;
    this.#slots = slots;
    this.#members = new Members(kind);
    for (const path of table.columns) this.#addColumn(path);
    for (const path of table.columns) {
      if (typeof path === 'string') this.#folded.set(path.toLowerCase(), this.#members.columnOf(path));
    }
  }

  /** Whether all these members are known to have no column. */
  knows(others: readonly OtherMember[]): boolean {
    for (const { name } of others) if (!this.#without.has(name)) return false;
    return true;
  }

  /** Decides on them; true if some have a column now, so that the record must be read again. */
  learn(others: readonly OtherMember[]): boolean {
    let isNew = false;
    for (const { name } of others) {
      if (this.#without.has(name)) continue;
      const column = this.#folded.get(name.toLowerCase());
      if (column !== undefined) this.#addSpelling(name, column);
      else if (this.#table.wants?.(name)) this.#addColumn(name);
      else {
        if (this.#without.size < maxNames) this.#without.add(name);
        continue;
      }
      isNew = true;
    }
    return isNew;
  }

  /**
   * Members of a row that no column takes.
   *
   * Takes  extras  those without a slot; others have one because of another table
   *        width   of the row
   */
  others(
    places: Int32Array,
    row: number,
    width: number,
    extras: readonly OtherMember[],
  ): readonly OtherMember[] {
    if (this.#slotsKnown < this.#slots.paths.length) this.#findForeign();
    let others = extras;
    for (const { name, at } of this.#foreign) {
      const endAndForm = at < width ? (places[row + at + 1] as number) : forms.absent;
      if (endAndForm === forms.absent) continue;
      const start = places[row + at] as number;
      others = [...others, { name, form: endAndForm & 15, start, end: endAndForm >>> 4 }];
    }
    return others.length > extras.length ? others.toSorted((a, b) => a.start - b.start) : others;
  }

  take(bytes: Buffer, places: Int32Array, row: number, others: readonly OtherMember[], line: number): void {
    this.#members.moveTo(bytes, places, row, line, others);
    this.#table.take(this.#members);
  }

  #addColumn(path: ColumnPath): void {
    this.#members.addColumn(path, this.#slot(path));
  }

  /** Another spelling of a column's name: its member fills the column unless the exact name comes. */
  #addSpelling(name: string, column: number): void {
    this.#members.addSpelling(name, column, this.#slot(name));
  }

  #findForeign(): void {
    this.#slotsKnown = this.#slots.paths.length;
    this.#foreign = this.#slots.paths.flatMap(([name, part], slot) =>
      name === undefined || part !== undefined || this.#own.has(name)
        ? []
        : [{ name, at: headerWords + 2 * slot }],
    );
  }

  #slot(path: ColumnPath): number {
    const slot = this.#slots.of(path);
    this.#own.add(typeof path === 'string' ? path : (path[0] as string));
    // A name may have had a slot before.
    this.#slotsKnown = 0;
    this.width = Math.max(this.width, headerWords + 2 * (slot + 1));
    return slot;
  }
}
