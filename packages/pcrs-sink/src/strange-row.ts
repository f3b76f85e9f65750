import { forms, headerWords } from 'pcrs-json/places';
import type { ColumnPath, OtherMember } from './members.ts';
import { nameAt, type Place, placesIn } from './places.ts';

/** Names that a record's members may have, level by level: a slot, and the names of the parts. */
interface Name {
  readonly slot: number;
  readonly parts: Map<string, Name>;
}

/** Every name that a scanner looks for, with its slot. */
export class Slots {
  readonly paths: (readonly string[])[] = [];
  readonly names = new Map<string, Name>();

  /**
   * The slot of a member or a part of one; a new one if it has none. Its parent has a slot of its own, as in the
   * scanner.
   */
  of(path: ColumnPath): number {
    const parts = typeof path === 'string' ? [path] : path;
    let level = this.names;
    let slot = -1;
    for (const [depth, part] of parts.entries()) {
      let name = level.get(part);
      if (name === undefined) {
        name = { slot: this.paths.push(parts.slice(0, depth + 1)) - 1, parts: new Map() };
        level.set(part, name);
      }
      level = name.parts;
      slot = name.slot;
    }
    return slot;
  }
}

/** A row of places like the scanner's, for an object that the scanner did not read. */
export class StrangeRow {
  places: Int32Array = new Int32Array();
  others: OtherMember[] = [];
  readonly #slots: Slots;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Takes  at  the place of the opening brace, in proven JSON */
  fill(bytes: Buffer, at: number): void {
    const words = headerWords + 2 * this.#slots.paths.length;
    if (this.places.length === words) this.places.fill(0);
    else this.places = new Int32Array(words);
    const others = new Map<string, OtherMember>();
    this.#level(bytes, at, this.#slots.names, (name, { form: found, start, end }) =>
      others.set(name, { name, form: found, start, end }),
    );
    this.others = [...others.values()];
  }

  #level(
    bytes: Buffer,
    at: number,
    names: Map<string, Name>,
    other: (name: string, place: Place) => void,
  ): void {
    for (const place of placesIn(bytes, at)) {
      const text = nameAt(bytes, place);
      const name = names.get(text);
      if (name === undefined) other(text, place);
      else this.#put(bytes, name, place);
    }
  }

  /** Of repeated members the last counts, with its parts, as in JSON.parse. */
  #put(bytes: Buffer, name: Name, place: Place): void {
    this.places[headerWords + 2 * name.slot] = place.start;
    this.places[headerWords + 2 * name.slot + 1] = (place.end << 4) | place.form;
    if (name.parts.size === 0) return;
    this.#clear(name.parts);
    if (bytes[place.start] !== 0x7b || place.form >= forms.string) return;
    this.#level(bytes, place.start, name.parts, () => {});
  }

  #clear(names: Map<string, Name>): void {
    for (const { slot, parts } of names.values()) {
      this.places.fill(0, headerWords + 2 * slot, headerWords + 2 * slot + 2);
      this.#clear(parts);
    }
  }
}
