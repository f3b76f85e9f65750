import { counted } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import type { MissingSlice, SliceCounts } from 'pcrs-records/kinds';
import { Asker, type AskOptions, type ProvenSlice } from './ask.ts';
import { Channel, Places } from './channel.ts';
import { Emptiness } from './emptiness.ts';
import { judge, missingSlice, signOfOutage, type Verdict } from './outcome.ts';
import { halves, type Slice } from './slices.ts';
import { type Work, WorkQueue } from './work-queue.ts';

export interface FetchOptions extends AskOptions {
  concurrency: number;
  /**
   * The request has a date filter: there may be no data, and a body that breaks before its first byte each time may
   * mean that.
   */
  dated: boolean;
  /** Path and query, for the slices' keys. */
  scope: string;
}

/** Most missing slices listed. */
const mostListed = 1000;
/** This many final failures in a row with the same sign mean that the gateway is gone. */
const outage = 3;
/** Tries before a slice is halved, or a pair given up whose neighbours succeeded. */
const fewTries = 2;

interface Try {
  slice: Slice;
  /** Undefined: as many as --retries. */
  tries: number | undefined;
}

interface Failure {
  error: unknown;
  verdict: Verdict;
}

/**
 * Asks for all slices, halves those that fail, and yields each one once it is proven whole.
 *
 * Limits  `concurrency` requests in flight; concurrency + 1 slices in flight or waiting to be written
 * Throws  whatever the input throws, once the slices before are written; what stops the stage: a refusal, an answer
 *         that the next request would get too, three final failures in a row with the same connection error or 5xx;
 *         PCRS_GATEWAY at the end if slices were given up
 */
export class Fetch {
  readonly #options: FetchOptions;
  readonly #asker: Asker;
  readonly #places: Places;
  readonly #ready = new Channel<ProvenSlice>();
  readonly #missing: MissingSlice[] = [];
  readonly #emptiness = new Emptiness();
  #fromInput = 0;
  #inputFailure: { error: unknown } | undefined;
  #halvings = 0;
  #fetched = 0;
  #replayed = 0;
  #failed = 0;
  #streak: { sign: string; slices: number } | undefined;

  constructor(options: FetchOptions) {
    this.#options = options;
    this.#asker = new Asker(options);
    // one at a time: a slice is written before the next input is read, so the same input gives the same bytes
    this.#places = new Places(options.concurrency === 1 ? 1 : options.concurrency + 1);
  }

  /** Counts of slices so far; a halved slice counts as its halves. */
  get counts(): SliceCounts {
    const planned = this.#fromInput + this.#halvings;
    const [fetched, replayed, failed] = [this.#fetched, this.#replayed, this.#failed];
    const notAsked = planned - fetched - replayed - failed;
    const foreign = this.#asker.foreign.records;
    return { planned, fetched, replayed, failed, notAsked, missing: this.#missing, foreign };
  }

  async *slices(input: AsyncGenerator<Slice>): AsyncGenerator<ProvenSlice> {
    const queue = new WorkQueue(this.#counted(input));
    const workers = Array.from({ length: this.#options.concurrency }, () => this.#work(queue));
    Promise.all(workers).then(
      () => this.#ready.end(),
      (error) => {
        this.#asker.stopped = true;
        this.#ready.fail(error);
      },
    );
    try {
      for await (const proven of this.#ready) {
        try {
          yield proven;
        } finally {
          await this.#letGo(proven);
        }
      }
      if (this.#inputFailure !== undefined) throw this.#inputFailure.error;
      this.#checkAllThere();
      this.#reportOddities();
    } catch (error) {
      if ((error as { outage?: boolean }).outage) await queue.readRest();
      throw error;
    } finally {
      this.#asker.stopped = true;
      for (const proven of this.#ready.drain()) await this.#letGo(proven);
      void queue.close();
    }
  }

  /** Counts the input. If it fails, the slices before the failure are asked for and written first. */
  async *#counted(input: AsyncGenerator<Slice>): AsyncGenerator<Slice> {
    try {
      for await (const slice of input) {
        this.#fromInput += 1;
        yield slice;
      }
    } catch (error) {
      this.#inputFailure = { error };
    }
  }

  async #letGo(proven: ProvenSlice): Promise<void> {
    await proven.close();
    this.#places.leave();
  }

  async #work(queue: WorkQueue): Promise<void> {
    while (!this.#asker.stopped) {
      // a place first: read only input that can be asked for
      await this.#places.enter();
      const work = this.#asker.stopped ? undefined : await queue.take();
      if (work === undefined) {
        this.#places.leave();
        return;
      }
      try {
        await this.#whole(work, queue);
      } finally {
        queue.done();
      }
    }
  }

  /**
   * Asks for one slice; if it fails, for its halves and theirs. If three pairs in a row fail with the same 5xx and
   * nothing came meanwhile, puts the rest off: the gateway may be gone, and the next slice will show it.
   */
  async #whole(work: Work, queue: WorkQueue): Promise<void> {
    const before = this.#successes;
    const suspect = work.putOffAt === undefined || work.putOffAt === before;
    const lost: unknown[] = [];
    const todo: Try[] = [{ slice: work.slice, tries: triesFor(work.slice, suspect) }];
    let inPlace = true;
    for (let next = todo.pop(); next !== undefined && !this.#asker.stopped; next = todo.pop()) {
      if (!inPlace) await this.#places.enter();
      const failure = await this.#try(next);
      inPlace = failure !== undefined;
      if (failure === undefined || failure === 'not kept') continue;
      const alone = suspect && this.#successes === before;
      if (failure.verdict === 'halve') {
        const patient = alone && lost.length === 0 && signOfOutage(failure.error) !== undefined;
        const [first, second] = await this.#halve(next.slice);
        todo.push(
          { slice: second, tries: triesFor(second, patient) },
          { slice: first, tries: triesFor(first, patient) },
        );
        continue;
      }
      lost.push(failure.error);
      this.#giveUp(next.slice, failure.error);
      if (alone && lost.length === outage && commonSign(lost) !== undefined) {
        queue.putOff(todo.splice(0).map(({ slice }) => ({ slice, putOffAt: before })));
      }
    }
    if (inPlace) this.#places.leave();
    if (suspect && lost.length > 0 && this.#successes === before) this.#checkForOutage(lost);
  }

  get #successes(): number {
    return this.#fetched + this.#replayed;
  }

  async #halve(slice: Slice): Promise<[Slice, Slice]> {
    await this.#options.store.halved?.(slice);
    this.#halvings += 1;
    return halves(slice, this.#options.scope) as [Slice, Slice];
  }

  #giveUp(slice: Slice, error: unknown): void {
    this.#failed += 1;
    if (this.#missing.length < mostListed) this.#missing.push(missingSlice(slice, error));
    this.#options.warn(`gave up: ${(error as Error).message}`);
  }

  /** Advice on missing slices. */
  get #remedy(): string {
    const { directory } = this.#options.store;
    const resume = `pcrs-posture --archive ${directory ?? 'DIR'} --resume asks only for what is missing`;
    return directory === undefined ? `nothing was kept; if a run has --archive DIR, ${resume}` : resume;
  }

  #checkForOutage(lost: readonly unknown[]): void {
    const sign = commonSign(lost);
    const slices = sign !== undefined && this.#streak?.sign === sign ? this.#streak.slices + 1 : 1;
    this.#streak = sign === undefined ? undefined : { sign, slices };
    if (sign === undefined || slices < outage) return;
    const why = `${outage} slices in a row failed this way, so the rest were not asked for`;
    const message = `${(lost.at(-1) as Error).message}; ${why}; ${this.#remedy}`;
    throw Object.assign(codedError('PCRS_GATEWAY', message), { outage: true });
  }

  /** Gets one slice ready to be written; its place is free once it is written. Yields a failure, or nothing. */
  async #try({ slice, tries }: Try): Promise<Failure | 'not kept' | undefined> {
    if (this.#options.store.wasHalved?.(slice)) return { error: undefined, verdict: 'halve' };
    const failure = await this.#askFor(slice, tries).catch((error: unknown) => ({ error }));
    if (failure === undefined || failure === 'not kept') return failure;
    const verdict = judge(failure.error, slice);
    if (verdict === 'stop') throw failure.error;
    return { error: failure.error, verdict };
  }

  async #askFor(slice: Slice, tries: number | undefined): Promise<'not kept' | undefined> {
    const proven = await this.#asker.ask(slice, tries).catch((error: unknown) => {
      if (this.#options.dated && !this.#options.strict && brokeEmpty(error))
        return this.#asker.nothing(slice);
      throw error;
    });
    if (proven === undefined) return 'not kept';
    if (proven.replayed) this.#replayed += 1;
    else this.#fetched += 1;
    this.#streak = undefined;
    this.#emptiness.see(proven);
    this.#ready.put(proven);
    return undefined;
  }

  /** Reports results that are whole but suspicious. With --strict, throws PCRS_GATEWAY if there are no records. */
  #reportOddities(): void {
    const { dated, strict, warn } = this.#options;
    const { records, slices } = this.#asker.foreign;
    if (slices > 1)
      warn(`${slices} slices returned ${counted(records, 'record')} in total that were not asked for`);
    const empty = dated ? undefined : this.#emptiness.found;
    if (empty === undefined) return;
    if (strict) throw codedError('PCRS_GATEWAY', `${empty} (--strict)`);
    warn(empty);
  }

  #checkAllThere(): void {
    const { failed, notAsked, planned, missing } = this.counts;
    if (failed > 0) {
      const [first] = missing;
      const what = `${failed} of ${counted(planned, 'slice')} failed (the first: policy ${first?.policies.join(', ')}, host ${first?.firstHostId})`;
      throw codedError('PCRS_GATEWAY', `${what}: ${first?.error}; ${this.#remedy}`);
    }
    if (notAsked > 0) {
      throw codedError(
        'PCRS_INCOMPLETE',
        `the archive lacks ${notAsked} of ${counted(planned, 'slice')}; --resume asks for them`,
      );
    }
  }
}

function triesFor(slice: Slice, patient: boolean): number | undefined {
  return slice.hosts === 1 && patient ? undefined : fewTries;
}

/** The sign shared by all these failures, if any. */
function commonSign(errors: readonly unknown[]): string | undefined {
  const [first, ...others] = errors.map(signOfOutage);
  return others.every((sign) => sign === first) ? first : undefined;
}

function brokeEmpty(error: unknown): boolean {
  return (error as { reason?: unknown }).reason === 'empty-break';
}
