import { skipSpace, stringEnd, valueEnd } from './json-text.ts';
import { type Bound, type ColumnType, toBound, type ValueCounts } from './values.ts';

/** The members that a record has, whatever their order: statements are made per shape. */
export interface Shape {
  readonly slots: readonly number[];
  readonly has: (slot: number) => boolean;
}

/** The members of a record in their order, each with the text between the comma before it and its value. */
interface Layout {
  readonly order: readonly number[];
  tokens: readonly string[];
  readonly shape: Shape;
}

/** A column as the reader of records needs it. */
export interface MemberColumn {
  readonly name: string;
  readonly type: ColumnType;
}

const comma = 0x2c;
const closeBrace = 0x7d;
/** No member's text is this. */
const nothing = '\n';
/** Shapes and layouts that are kept; a stream of records that are all different costs time, not memory. */
const keptShapes = 500;

/** A record's member cannot be stored: which, and why. */
export class MemberError extends Error {}

/**
 * Reads the members of one kind of record into slots: slot n holds the value of column n.
 *
 * Most members of a record are as they were in the record before, and come in the same order. So each slot
 * keeps the text it was filled from, and a member is first compared with what is expected in its place: one
 * comparison instead of finding its end, cutting it out, checking and converting it. A text that was taken
 * once is proven JSON, so nothing goes unchecked.
 */
export class Members {
  readonly names: string[] = [];
  readonly types: ColumnType[] = [];
  /** The JSON text of each slot as it was filled last. */
  readonly raws: string[] = [];
  /** The value of each slot; undefined where only the text is known (`bound` makes it). */
  readonly values: (Bound | undefined)[] = [];
  /** Which slots the record read last has filled. */
  shape: Shape;
  /** `"name":value,…` of the members that have no column, as they came; empty where there were none. */
  extras = '';
  /** Called once the slot `watched` is filled. */
  onWatched: (() => void) | undefined;
  watched = -1;
  readonly #counts: ValueCounts;
  readonly #slots = new Map<string, number>();
  readonly #takeNew: (name: string) => boolean;
  readonly #kind: string;
  readonly #shapes = new Map<string, Shape>();
  readonly #layouts = new Map<string, Layout>();
  #layout: Layout;

  /**
   * Takes  kind     the only text that a member `kind` may have
   *        takeNew  whether a name without a column gets one; else the member goes to `extras`
   */
  constructor(
    kind: string,
    columns: readonly MemberColumn[],
    counts: ValueCounts,
    takeNew: (name: string) => boolean,
  ) {
    this.#kind = JSON.stringify(kind);
    this.#counts = counts;
    this.#takeNew = takeNew;
    for (const { name, type } of columns) this.addSlot(name, type);
    this.#layout = this.#layoutOf([], []);
    this.shape = this.#layout.shape;
  }

  /** The slot of a column; -1 where there is none. */
  slotOf(name: string): number {
    return this.#slots.get(name) ?? -1;
  }

  addSlot(name: string, type: ColumnType): number {
    const slot = this.names.length;
    this.names.push(name);
    this.types.push(type);
    this.raws.push(nothing);
    this.values.push(undefined);
    this.#slots.set(name, slot);
    return slot;
  }

  /** Expects this text in a slot: if it comes, its value is made only when `bound` asks for it. */
  expect(slot: number, raw: string): void {
    this.raws[slot] = raw;
    this.values[slot] = undefined;
  }

  /** Whether the slot's text is all there is to know: nothing in it had to be changed. */
  isVerbatim(slot: number): boolean {
    return this.raws[slot] !== nothing;
  }

  /** The value of a slot that the record has filled. */
  bound(slot: number): Bound {
    let value = this.values[slot];
    if (value !== undefined) return value;
    value = toBound(this.raws[slot] as string, this.types[slot] as ColumnType, this.#counts);
    this.values[slot] = value;
    return value;
  }

  /**
   * Reads one object.
   *
   * Takes   at  the place of its opening brace, or of the comma after members that were read already
   * Yields  the place after its closing brace
   * Throws  SyntaxError where the text is no JSON; MemberError where a member cannot be stored
   */
  read(text: string, at: number): number {
    const layout = this.#layout;
    const { order, tokens } = layout;
    this.extras = '';
    let place = at + 1;
    let count = 0;
    while (count < order.length && text.startsWith(tokens[count] as string, place)) {
      const slot = order[count] as number;
      const end = this.#value(text, place + (tokens[count] as string).length, slot);
      count += 1;
      place = end + 1;
      if (slot === this.watched) this.onWatched?.();
      if (text.charCodeAt(end) === closeBrace) {
        if (count < order.length) this.#settle(order.slice(0, count), tokens.slice(0, count));
        else this.shape = layout.shape;
        return place;
      }
    }
    return this.#readOther(text, place, order.slice(0, count), tokens.slice(0, count));
  }

  /** Reads on where the members are other than in the record before. */
  #readOther(text: string, at: number, order: number[], tokens: string[]): number {
    let place = at;
    if (text.charCodeAt(at - 1) === 0x7b) {
      const first = skipSpace(text, at);
      if (text.charCodeAt(first) === closeBrace) {
        this.#settle(order, tokens);
        return first + 1;
      }
    }
    for (;;) {
      const nameAt = skipSpace(text, place);
      const nameEnd = text.charCodeAt(nameAt) === 0x22 ? stringEnd(text, nameAt) : -1;
      const colon = nameEnd < 0 ? -1 : skipSpace(text, nameEnd);
      if (colon < 0 || text.charCodeAt(colon) !== 0x3a) throw new SyntaxError('a member name and a colon');
      const valueAt = skipSpace(text, colon + 1);
      const rawName = text.slice(nameAt, nameEnd);
      const name = JSON.parse(rawName) as string;
      const slot = this.#slotFor(name);
      let end: number;
      if (slot >= 0) {
        end = this.#value(text, valueAt, slot);
        if (!order.includes(slot)) {
          order.push(slot);
          tokens.push(text.slice(place, valueAt));
        }
        if (slot === this.watched) this.onWatched?.();
      } else {
        end = this.#member(text, valueAt, name, rawName);
      }
      place = end + 1;
      if (text.charCodeAt(end) === closeBrace) {
        this.#settle(order, tokens);
        return place;
      }
    }
  }

  #slotFor(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    return name !== 'kind' && this.#takeNew(name) ? this.addSlot(name, 'ANY') : -1;
  }

  /** Fills a slot; the place of the comma or brace after the value. */
  #value(text: string, at: number, slot: number): number {
    const known = this.raws[slot] as string;
    const end = at + known.length;
    const code = text.charCodeAt(end);
    if ((code === comma || code === closeBrace) && text.slice(at, end) === known) return end;
    return this.#newValue(text, at, slot);
  }

  #newValue(text: string, at: number, slot: number): number {
    const from = skipSpace(text, at);
    const end = valueEnd(text, from);
    if (end < 0) throw new SyntaxError('a value');
    const raw = text.slice(from, end);
    const { loneSurrogates, nulCharacters } = this.#counts;
    try {
      this.values[slot] = toBound(raw, this.types[slot] as ColumnType, this.#counts);
    } catch (error) {
      this.raws[slot] = nothing;
      if (error instanceof RangeError) throw new MemberError(`${this.names[slot]} ${error.message}`);
      throw error;
    }
    // A text that was changed is converted, and counted, each time it comes.
    const changed =
      this.#counts.loneSurrogates !== loneSurrogates || this.#counts.nulCharacters !== nulCharacters;
    this.raws[slot] = changed ? nothing : raw;
    return afterValue(text, end);
  }

  /** A member without a column. */
  #member(text: string, at: number, name: string, rawName: string): number {
    const end = valueEnd(text, at);
    if (end < 0) throw new SyntaxError('a value');
    const raw = text.slice(at, end);
    JSON.parse(raw);
    if (name !== 'kind') this.extras += `${this.extras === '' ? '' : ','}${rawName}:${raw}`;
    else if (raw !== this.#kind)
      throw new MemberError(`kind must be ${this.#kind} and come once, got ${raw}`);
    return afterValue(text, end);
  }

  #settle(order: readonly number[], tokens: readonly string[]): void {
    this.#layout = this.#layoutOf(order, tokens);
    this.shape = this.#layout.shape;
  }

  #layoutOf(order: readonly number[], tokens: readonly string[]): Layout {
    const key = order.join();
    const known = this.#layouts.get(key);
    if (known) {
      known.tokens = tokens;
      return known;
    }
    if (this.#layouts.size >= keptShapes) {
      this.#layouts.clear();
      this.#shapes.clear();
    }
    const layout = { order, tokens, shape: this.#shapeOf(order) };
    this.#layouts.set(key, layout);
    return layout;
  }

  #shapeOf(order: readonly number[]): Shape {
    const slots = [...order].sort((a, b) => a - b);
    const key = slots.join();
    const known = this.#shapes.get(key);
    if (known) return known;
    const present = new Set(slots);
    const shape = { slots, has: (slot: number) => present.has(slot) };
    this.#shapes.set(key, shape);
    return shape;
  }
}

/** The place of the comma or brace that must follow a member. */
function afterValue(text: string, at: number): number {
  const place = skipSpace(text, at);
  const code = text.charCodeAt(place);
  if (code !== comma && code !== closeBrace) throw new SyntaxError('a comma or a closing brace');
  return place;
}
