import { setImmediate as turn } from 'node:timers/promises';
import { codedError } from 'pcrs-records/errors';
import { type Change, ChangeQuery, type HostRange, type Id } from './change-query.ts';
import type { Pair } from './pair.ts';

export interface ComparisonOptions {
  signal?: AbortSignal | undefined;
  /** Rows of each database that are compared at a time; 10,000 are some hundredths of a second of work. */
  rowsAtATime?: number | undefined;
}

/** What was found among some hosts of a policy. */
export interface Compared {
  changes: Change[];
  /** Compared, each counted once. */
  postures: { old: number; new: number };
}

/** A walk along the keys of two databases. */
export class Comparison {
  readonly #pair: Pair;
  readonly #query: ChangeQuery;
  readonly #options: ComparisonOptions;
  /** The policies that have postures in either, by id. */
  readonly policies: readonly Id[];

  private constructor(pair: Pair, query: ChangeQuery, policies: Id[], options: ComparisonOptions) {
    this.#pair = pair;
    this.#query = query;
    this.#options = options;
    this.policies = policies;
  }

  static async open(pair: Pair, options: ComparisonOptions): Promise<Comparison> {
    const { database } = pair;
    const query = await database.read(() => new ChangeQuery(database.db));
    return new Comparison(pair, query, await database.read(() => query.policies()), options);
  }

  /**
   * Compares a policy, some hosts at a time, in the order of their ids.
   *
   * Throws  PCRS_INCOMPLETE where somebody wrote to a database meanwhile; the signal's reason; PCRS_MACHINE
   */
  async *policy(policyId: Id): AsyncGenerator<Compared> {
    const { rowsAtATime = 10_000 } = this.#options;
    let after: Id | undefined;
    for (let isLast = false; !isLast; ) {
      const range = await this.#pair.database.read(() => this.#query.range(policyId, after, rowsAtATime));
      yield await this.#compare(range);
      isLast = range.isLast;
      after = range.upTo as Id;
      // Signals and a reader that goes away are heard of between two ranges.
      await turn();
      this.#options.signal?.throwIfAborted();
    }
  }

  async #compare(range: HostRange): Promise<Compared> {
    const { database } = this.#pair;
    const changes = await database.read(() => this.#query.changes(range));
    const postures = await database.read(() => this.#query.postures(range));
    const changed = database.changed();
    if (changed === undefined) return { changes, postures };
    throw codedError(
      'PCRS_INCOMPLETE',
      `${changed} was written to while it was read, so what was told up to here may be a mixture; run it again`,
    );
  }
}
