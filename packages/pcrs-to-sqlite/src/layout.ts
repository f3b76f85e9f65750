/** The members that a record has, whatever their order: statements are made per shape. */
export interface Shape {
  readonly slots: readonly number[];
  readonly has: (slot: number) => boolean;
}

/** A shape of these slots, each once. */
export function shapeOf(slots: readonly number[]): Shape {
  const present = new Set(slots);
  return { slots, has: (slot) => present.has(slot) };
}

/** Members that follow one another and are compared as one text. */
export interface Run {
  readonly from: number;
  readonly to: number;
  /** From the first member's name to the last one's value; undefined where a value has changed since. */
  text: string | undefined;
}

/** By a member's place: the run that begins there. */
export type Grouping = readonly (Run | undefined)[];

/** The members of a record in their order. */
export class Layout {
  readonly order: readonly number[];
  readonly shape: Shape;
  /** Of each member, the text between the comma before it and its value. */
  readonly tokens: readonly string[];
  runs: Grouping = [];
  /** By slot. */
  #runOf: (Run | undefined)[] = [];

  constructor(order: readonly number[], tokens: readonly string[], shape: Shape) {
    this.order = order;
    this.tokens = tokens;
    this.shape = shape;
  }

  /** Makes runs of neighbours of the same class; those without one are compared each by itself. */
  group(classOf: (slot: number) => string | undefined): void {
    const { order } = this;
    const runs: (Run | undefined)[] = new Array(order.length).fill(undefined);
    this.#runOf = [];
    for (let from = 0; from < order.length; ) {
      const kind = classOf(order[from] as number);
      let to = from + 1;
      while (to < order.length && kind !== undefined && classOf(order[to] as number) === kind) to += 1;
      if (kind !== undefined) {
        const run: Run = { from, to, text: undefined };
        runs[from] = run;
        for (const slot of this.slotsOf(run)) this.#runOf[slot] = run;
      }
      from = to;
    }
    this.runs = runs;
  }

  slotsOf({ from, to }: Run): readonly number[] {
    return this.order.slice(from, to);
  }

  /** A run's text, from the texts of its slots. */
  textOf(run: Run, raws: readonly string[]): string {
    let text = '';
    for (let place = run.from; place < run.to; place += 1) {
      if (place > run.from) text += ',';
      text += this.tokens[place] as string;
      text += raws[this.order[place] as number] as string;
    }
    return text;
  }

  /** A slot's text has changed. */
  changed(slot: number): void {
    const run = this.#runOf[slot];
    if (run) run.text = undefined;
  }

  /** Any slot's text may have changed. */
  allChanged(): void {
    for (const run of this.runs) if (run) run.text = undefined;
  }
}
