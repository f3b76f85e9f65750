import { decoded, detached } from './byte-lines.ts';
import { afterValue, skipSpace, stringEnd, valueEnd } from './json-text.ts';
import type { Grouping, Layout, Run, Shape } from './layout.ts';
import { Layouts } from './layouts.ts';
import { MemberError } from './member-error.ts';
import type { RowMembers } from './row-parameters.ts';
import { type Bound, type ColumnType, toBound, type ValueCounts } from './values.ts';

/** A column as the reader of records needs it. */
export interface MemberColumn {
  readonly name: string;
  readonly type: ColumnType;
}

const comma = 0x2c;
const closeBrace = 0x7d;
/** No member's text is this. */
const nothing = '\n';

/** Texts that are expected in slots, as an earlier record had them. */
export interface Expected {
  /** In the order of the slots that may be expected; undefined where there is none. */
  readonly texts: readonly (string | undefined)[];
  /** Runs of these slots as texts, kept by `Members` for the next time. */
  runs?: { of: Grouping; texts: readonly [Run, string][] };
}

/**
 * Reads the members of one kind of record into slots: slot n holds the value of column n.
 *
 * Most members of a record are as they were in the record before, and come in the same order. So each slot
 * keeps the text it was filled from, and a member is first compared with what is expected in its place: one
 * comparison instead of finding its end, cutting it out, checking and converting it. Neighbours that rarely
 * change are compared together. A text that was taken once is proven JSON, so nothing goes unchecked.
 */
export class Members implements RowMembers {
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
  readonly #counts: ValueCounts;
  readonly #slots = new Map<string, number>();
  readonly #takeNew: (name: string) => boolean;
  readonly #kind: string;
  readonly #layouts = new Layouts();
  #layout: Layout;
  #watched = -1;
  #expectable: readonly number[] = [];
  #onWatched: () => Expected | undefined = () => undefined;
  #changed: number[] | undefined;

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
    this.#layout = this.#layouts.of([], []);
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

  /**
   * Once the slot `watched` is filled, asks what to expect in others that are still to come.
   *
   * Takes  expectable  the slots that `ask` may tell texts for
   */
  watch(watched: number, expectable: readonly number[], ask: () => Expected | undefined): void {
    this.#watched = watched;
    this.#expectable = expectable;
    this.#onWatched = ask;
  }

  /** From now on, keeps which slots were filled anew, for `takeChanged`. */
  trackChanges(): void {
    this.#changed = [];
  }

  /** Goes through the slots that were filled anew since they were last taken; those that `take` does not take stay. */
  takeChanged(take: (slot: number) => boolean): void {
    if (this.#changed === undefined) return;
    const left: number[] = [];
    for (const slot of this.#changed) if (!take(slot)) left.push(slot);
    this.#changed = left;
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
   * Takes   text  a byte text
   *         at    the place of its opening brace, or of the comma after members that were read already
   * Yields  the place after its closing brace
   * Throws  SyntaxError where the text is no JSON; MemberError where a member cannot be stored
   */
  read(text: string, at: number): number {
    const layout = this.#layout;
    const { order, tokens, runs } = layout;
    this.extras = '';
    let place = at + 1;
    let count = 0;
    while (count < order.length) {
      let end = this.#runEnd(text, place, runs[count]);
      if (end > 0) count = (runs[count] as Run).to;
      else {
        const token = tokens[count] as string;
        if (!text.startsWith(token, place)) break;
        const slot = order[count] as number;
        end = this.#value(text, place + token.length, slot);
        count += 1;
        if (slot === this.#watched) this.#expect(order, count);
      }
      place = end + 1;
      if (text.charCodeAt(end) !== closeBrace) continue;
      if (count < order.length) this.#settle(order.slice(0, count), tokens.slice(0, count));
      else this.shape = layout.shape;
      this.#layouts.countRecord(this.#layout, this.#watched, this.#expectable);
      return place;
    }
    return this.#readOther(text, place, order.slice(0, count), tokens.slice(0, count));
  }

  /** The place of the comma or brace after a run that is as expected; 0 where it is not, or none begins here. */
  #runEnd(text: string, at: number, run: Run | undefined): number {
    if (run === undefined) return 0;
    run.text ??= this.#layout.textOf(run, this.raws);
    const end = at + run.text.length;
    const code = text.charCodeAt(end);
    if (code !== comma && code !== closeBrace) return 0;
    return text.slice(at, end) === run.text ? end : 0;
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
      const name = JSON.parse(decoded(rawName)) as string;
      const slot = this.#slotFor(name);
      let end: number;
      if (slot >= 0) {
        end = this.#value(text, valueAt, slot);
        if (!order.includes(slot)) {
          order.push(slot);
          tokens.push(text.slice(place, valueAt));
        }
        if (slot === this.#watched) this.#expect(order, order.length);
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
    // What will be kept for long must not hold on to the block of lines it is cut from.
    const cut = text.slice(from, end);
    const raw = this.#layouts.isCalm(slot) ? detached(cut) : cut;
    const { loneSurrogates, nulCharacters } = this.#counts;
    try {
      this.values[slot] = toBound(raw, this.types[slot] as ColumnType, this.#counts);
    } catch (error) {
      this.#setRaw(slot, nothing);
      if (error instanceof RangeError) throw new MemberError(`${this.names[slot]} ${error.message}`);
      throw error;
    }
    // A text that was changed is converted, and counted, each time it comes.
    const changed =
      this.#counts.loneSurrogates !== loneSurrogates || this.#counts.nulCharacters !== nulCharacters;
    this.#setRaw(slot, changed ? nothing : raw);
    return afterValue(text, end);
  }

  #setRaw(slot: number, raw: string): void {
    this.raws[slot] = raw;
    this.#layouts.changed(slot);
    this.#layout.changed(slot);
    if (this.#changed !== undefined && !this.#changed.includes(slot)) this.#changed.push(slot);
  }

  /** Fills the slots that are still to come with what is expected there; `filled` of `order` are not. */
  #expect(order: readonly number[], filled: number): void {
    const expected = this.#onWatched();
    if (expected === undefined) return;
    const expectable = this.#expectable;
    for (let index = 0; index < expectable.length; index += 1) {
      const slot = expectable[index] as number;
      const raw = expected.texts[index];
      if (raw === undefined || raw === this.raws[slot]) continue;
      const place = order.indexOf(slot);
      if (place >= 0 && place < filled) continue;
      this.#setRaw(slot, raw);
      this.values[slot] = undefined;
    }
    if (order === this.#layout.order) this.#expectRuns(expected, filled);
  }

  /** The same for runs of such slots alone: their texts are put together once and kept. */
  #expectRuns(expected: Expected, filled: number): void {
    const layout = this.#layout;
    if (expected.runs?.of !== layout.runs) {
      const own = layout.runs.filter(
        (run): run is Run =>
          run !== undefined &&
          run.from >= filled &&
          layout.slotsOf(run).every((slot) => expected.texts[this.#expectable.indexOf(slot)] !== undefined),
      );
      const texts = own.map((run): [Run, string] => [run, layout.textOf(run, this.raws)]);
      expected.runs = { of: layout.runs, texts };
    }
    for (const [run, text] of expected.runs.texts) run.text = text;
  }

  /** A member without a column. */
  #member(text: string, at: number, name: string, rawName: string): number {
    const end = valueEnd(text, at);
    if (end < 0) throw new SyntaxError('a value');
    const raw = text.slice(at, end);
    JSON.parse(raw);
    if (name !== 'kind') this.extras += `${this.extras === '' ? '' : ','}${decoded(`${rawName}:${raw}`)}`;
    else if (raw !== this.#kind)
      throw new MemberError(`kind must be ${this.#kind} and come once, got ${decoded(raw)}`);
    return afterValue(text, end);
  }

  #settle(order: readonly number[], tokens: readonly string[]): void {
    this.#layout = this.#layouts.of(order, tokens);
    this.#layout.allChanged();
    this.shape = this.#layout.shape;
  }
}
