import { Layout, type Shape, shapeOf } from './layout.ts';

/** Of a member: it stays as it is; it is often another, but told in advance; or neither. */
type Class = 'calm' | 'expected' | undefined;

/** Shapes and layouts that are kept; a stream of records that are all different costs time, not memory. */
const keptShapes = 500;
/** Which members stay as they are is found out anew after so many records, the first time sooner. */
const recordsPerGrouping = 512;
const recordsBeforeFirstGrouping = 32;
/** A member that changed no more often than this among those records is calm. */
const calmChanges = 24;

/** The layouts of one kind of record, and which of its members are compared together with their neighbours. */
export class Layouts {
  readonly #shapes = new Map<string, Shape>();
  readonly #layouts = new Map<string, Layout>();
  /** By slot: how often its text changed since the last grouping. */
  readonly #changes: number[] = [];
  #classes: Class[] = [];
  #recordsToGrouping = recordsBeforeFirstGrouping;

  /** Takes note of a slot's new text. */
  changed(slot: number): void {
    this.#changes[slot] = (this.#changes[slot] ?? 0) + 1;
  }

  isCalm(slot: number): boolean {
    return this.#classes[slot] === 'calm';
  }

  /** The layout of members in this order, with these texts before their values. */
  of(order: readonly number[], tokens: readonly string[]): Layout {
    const key = order.join();
    const known = this.#layouts.get(key);
    if (known && tokens.every((token, place) => token === known.tokens[place])) return known;
    if (this.#layouts.size >= keptShapes) {
      this.#layouts.clear();
      this.#shapes.clear();
    }
    const layout = new Layout(order, tokens, this.#shapeOf(order));
    layout.group((slot) => this.#classes[slot]);
    this.#layouts.set(key, layout);
    return layout;
  }

  /**
   * To be called after each record: now and then, members that rarely change become runs, and so do those that are
   * often expected to be others.
   *
   * Takes  watched     is never part of a run
   *        expectable  slots whose texts are told in advance
   */
  countRecord(layout: Layout, watched: number, expectable: readonly number[]): void {
    this.#recordsToGrouping -= 1;
    if (this.#recordsToGrouping > 0) return;
    this.#recordsToGrouping = recordsPerGrouping;
    const classOf = (slot: number): Class => {
      if (slot === watched) return undefined;
      if ((this.#changes[slot] ?? 0) <= calmChanges) return 'calm';
      return expectable.includes(slot) ? 'expected' : undefined;
    };
    const classes: Class[] = [];
    for (const slot of layout.order) classes[slot] = classOf(slot);
    this.#changes.length = 0;
    if (layout.order.every((slot) => classes[slot] === this.#classes[slot])) return;
    this.#classes = classes;
    for (const known of new Set([layout, ...this.#layouts.values()])) {
      known.group((slot) => this.#classes[slot]);
    }
  }

  #shapeOf(order: readonly number[]): Shape {
    const slots = [...order].sort((a, b) => a - b);
    const key = slots.join();
    const known = this.#shapes.get(key);
    if (known) return known;
    const shape = shapeOf(slots);
    this.#shapes.set(key, shape);
    return shape;
  }
}
