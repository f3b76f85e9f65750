import { decoded } from './byte-lines.ts';
import type { Shape } from './layout.ts';
import { shapeOf } from './layout.ts';
import type { MemberColumn } from './members.ts';
import type { RowMembers } from './row-parameters.ts';
import type { Bound, ValueCounts } from './values.ts';

/**
 * Lines of a block, parsed in another thread: what changed from posture to posture, and the other lines as they are.
 *
 * An entry of `entries` is  lineEntry, line, length of its text
 *                       or  recordEntry or recordWithControl, line, shape, count, count × (slot × 8 + type, length)
 * Texts follow one another in `text`, a byte text, in the order of the entries.
 */
export interface PostureBatch {
  readonly text: string;
  readonly entries: Int32Array<ArrayBuffer>;
  /** Shapes that are new: the slots of each. They are numbered from 0 over all batches. */
  readonly shapes: readonly (readonly number[])[];
  /** What was counted in this batch. */
  readonly counts: ValueCounts;
  /** Of the block. */
  readonly firstLine: number;
  readonly invalidUtf8: boolean;
  readonly unterminated: boolean;
}

export const lineEntry = 0;
export const recordEntry = 1;
/** The record's control must be stored too; all of its texts are among the values. */
export const recordWithControl = 2;

/** Types of values in a batch. */
export const textValue = 0;
export const numberValue = 1;
export const bigintValue = 2;
export const nullValue = 3;
/** A text beyond ASCII. */
export const encodedValue = 4;
/** An entry's slot and type in one number. */
export const typesPerSlot = 8;
/** In place of a slot: the members without a column. */
export const extrasSlot = -1;

/** What is told of each entry of a batch. */
export interface BatchEvents {
  /** The mirror holds the record. */
  onRecord(line: number, withControl: boolean): void;
  onLine(text: string, line: number): void;
}

/** The members of the posture that a batch told of last. */
export class PostureMirror implements RowMembers {
  readonly names: string[] = [];
  shape: Shape = shapeOf([]);
  extras = '';
  readonly #values: Bound[] = [];
  readonly #slots = new Map<string, number>();
  readonly #shapes: Shape[] = [];

  constructor(columns: readonly MemberColumn[]) {
    for (const { name } of columns) this.addSlot(name);
  }

  addSlot(name: string): number {
    this.#slots.set(name, this.names.length);
    this.#values.push(null);
    return this.names.push(name) - 1;
  }

  slotOf(name: string): number {
    return this.#slots.get(name) ?? -1;
  }

  bound(slot: number): Bound {
    return this.#values[slot] as Bound;
  }

  /** Goes through the entries of a batch. */
  replay({ text, entries, shapes }: PostureBatch, events: BatchEvents): void {
    for (const slots of shapes) this.#shapes.push(shapeOf(slots));
    let place = 0;
    for (let at = 0; at < entries.length; ) {
      const kind = entries[at] as number;
      const line = entries[at + 1] as number;
      if (kind === lineEntry) {
        const end = place + (entries[at + 2] as number);
        at += 3;
        events.onLine(text.slice(place, end), line);
        place = end;
        continue;
      }
      this.shape = this.#shapes[entries[at + 2] as number] as Shape;
      this.extras = '';
      const last = at + 4 + 2 * (entries[at + 3] as number);
      for (at += 4; at < last; at += 2) {
        const end = place + (entries[at + 1] as number);
        this.#take(entries[at] as number, text, place, end);
        place = end;
      }
      events.onRecord(line, kind === recordWithControl);
    }
  }

  #take(code: number, text: string, from: number, to: number): void {
    const slot = Math.floor(code / typesPerSlot);
    const value = boundOf(code - slot * typesPerSlot, text.slice(from, to));
    if (slot === extrasSlot) this.extras = value as string;
    else this.#values[slot] = value;
  }
}

function boundOf(type: number, text: string): Bound {
  if (type === textValue) return text;
  if (type === numberValue) return Number(text);
  if (type === bigintValue) return BigInt(text);
  return type === encodedValue ? decoded(text) : null;
}
