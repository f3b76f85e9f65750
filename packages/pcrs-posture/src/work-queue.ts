import type { Slice } from './slices.ts';

/** A slice to ask for. */
export interface Work {
  slice: Slice;
  /**
   * Number of slices that had come when it was put off. If more have come since, the gateway is alive and the slice
   * itself is to blame.
   */
  putOffAt?: number;
}

/**
 * Slices still to ask for: those of the input in order, then those put off, the largest first.
 *
 * Several workers take from it; one that finds it empty waits while another may still put something off.
 */
export class WorkQueue {
  readonly #input: AsyncGenerator<Slice>;
  readonly #putOff: Work[] = [];
  #inputTurn: Promise<unknown> = Promise.resolve();
  #inputEnded = false;
  #working = 0;
  #waiting: (() => void)[] = [];

  constructor(input: AsyncGenerator<Slice>) {
    this.#input = input;
  }

  /** The next slice, or undefined once all are done; call `done` for each one taken. */
  async take(): Promise<Work | undefined> {
    const slice = await this.#takeFromInput();
    if (slice !== undefined) return this.#taken({ slice });
    for (;;) {
      const work = this.#putOff.shift();
      if (work !== undefined) return this.#taken(work);
      if (this.#working === 0) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  done(): void {
    this.#working -= 1;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Puts slices off until the input is through. */
  putOff(work: readonly Work[]): void {
    this.#putOff.push(...work);
    this.#putOff.sort((a, b) => b.slice.hosts - a.slice.hosts);
  }

  /** Reads the input to its end, so that all of it is counted. */
  async readRest(): Promise<void> {
    while ((await this.#takeFromInput()) !== undefined);
  }

  async close(): Promise<void> {
    await this.#inputTurn.catch(() => {});
    await this.#input.return(undefined).catch(() => {});
  }

  #taken(work: Work): Work {
    this.#working += 1;
    return work;
  }

  /** One caller at a time: a generator yields one value at a time. */
  #takeFromInput(): Promise<Slice | undefined> {
    const turn = this.#inputTurn.then(async () => {
      if (this.#inputEnded) return undefined;
      const { done, value } = await this.#input.next();
      if (done) this.#inputEnded = true;
      return done ? undefined : value;
    });
    this.#inputTurn = turn.catch(() => {});
    return turn;
  }
}
