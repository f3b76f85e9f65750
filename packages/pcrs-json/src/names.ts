import type { ScanExports } from './module.ts';

const KINDS = 0xfffe;
const MOST_SLOTS = 1024;

/** Characters that no string shows literally: a line with such a name is strange. */
const neverPlain = /["\\\0-\x1f]/;

/** The name of a top-level member, or the path of names to a deeper one. */
export type NamePath = string | readonly string[];

/** The slots of names; the scanner is given each. */
export class Names {
  readonly #scan: ScanExports;
  readonly #slots = new Map<string, number>();
  readonly #given = new Set<number>();

  /** Throws  RangeError if a name is given twice, or there are too many */
  constructor(scan: ScanExports, names: readonly NamePath[], kinds: readonly string[]) {
    this.#scan = scan;
    // their slots first: names on the path to a deeper one get theirs after them
    for (const [slot, name] of names.entries()) this.#slots.set(keyOf(name), slot);
    if (this.#slots.size < names.length) throw new RangeError('a name is given twice');
    const all = [...names, 'kind'].map((name) => this.add(name));
    const fits = kinds.every((kind, index) => this.#give(kind, KINDS, index));
    if (!fits || all.includes(undefined)) throw new RangeError('too many names');
    scan.setKindSlot(all.at(-1)!);
  }

  get count(): number {
    return this.#slots.size;
  }

  /** The slot of a name; a new one if it has none; undefined if there are too many. */
  add(name: NamePath): number | undefined {
    const slot = this.#slots.get(keyOf(name)) ?? this.#slots.size;
    if (this.#given.has(slot)) return slot;
    const path = typeof name === 'string' ? [name] : name;
    // reserved before its parent takes the next one
    this.#slots.set(keyOf(name), slot);
    const parent = path.length > 1 ? this.add(path.slice(0, -1)) : -1;
    const fits = slot < MOST_SLOTS && parent !== undefined && this.#give(path.at(-1)!, parent + 1, slot);
    if (!fits) {
      this.#slots.delete(keyOf(name));
      return undefined;
    }
    this.#given.add(slot);
    return slot;
  }

  #give(name: string, context: number, index: number): boolean {
    if (neverPlain.test(name)) return true;
    const bytes = Buffer.from(name);
    const room = this.#scan.nameRoom(bytes.length);
    if (room === 0) return false;
    new Uint8Array(this.#scan.memory.buffer).set(bytes, room);
    this.#scan.addName(bytes.length, context, index);
    return true;
  }
}

function keyOf(name: NamePath): string {
  return JSON.stringify(typeof name === 'string' ? [name] : name);
}
