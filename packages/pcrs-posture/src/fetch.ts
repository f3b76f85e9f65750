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
  /** A date narrows the question: there may be no data, and a body that broke before its first byte each time may mean that. */
  dated: boolean;
  /** Path and query, for the keys of slices. */
  scope: string;
}

/** At most so many missing slices are listed. */
const mostListed = 1000;
/** So many in a row that fail for good with the same sign mean that the gateway is gone. */
const outage = 3;
/** A slice is halved, and a pair given up whose neighbours fared well, after so many tries. */
const fewTries = 2;

interface Try {
  slice: Slice;
  /** Undefined: as many as --retries says. */
  tries: number | undefined;
}

interface Failure {
  error: unknown;
  verdict: Verdict;
}

/**
 * Asks for all slices, halves those that fail, and hands over one after another what is proven whole.
 *
 * Limits  `concurrency` requests in flight; concurrency + 1 slices in flight or waiting to be written
 * Throws  what the input throws, once what came before is written; what stops the stage: a refusal, an answer that the next request would get too, three slices in a row that fail for
 *         good with the same connection error or 5xx; PCRS_GATEWAY at the end where slices were given up
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
    // one at a time, a slice is written before the input of the next is read: the same input gives the same bytes
    this.#places = new Places(options.concurrency === 1 ? 1 : options.concurrency + 1);
  }

  /** What became of the slices so far; a halved slice counts as its halves. */
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

  /** The input, counted; what came before a failure of it is asked for and written first. */
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
      // a place first: input is read only for what can be asked for
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
   * One slice, and where it fails its halves and theirs. Where three pairs in a row fail with the same 5xx and nothing came
   * meanwhile, the rest is put off: the gateway may be gone, and the next slice will tell.
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
    this.#options.warn(`given up: ${(error as Error).message}`);
  }

  /** What a person can do about slices that are missing. */
  get #remedy(): string {
    const { directory } = this.#options.store;
    const resume = `pcrs-posture --archive ${directory ?? 'DIR'} --resume asks only for what is missing`;
    return directory === undefined ? `nothing was kept; after a run with --archive DIR, ${resume}` : resume;
  }

  #checkForOutage(lost: readonly unknown[]): void {
    const sign = commonSign(lost);
    const slices = sign !== undefined && this.#streak?.sign === sign ? this.#streak.slices + 1 : 1;
    this.#streak = sign === undefined ? undefined : { sign, slices };
    if (sign === undefined || slices < outage) return;
    const why = `${outage} slices in a row failed this way, so the rest is not asked for`;
    const message = `${(lost.at(-1) as Error).message}; ${why}; ${this.#remedy}`;
    throw Object.assign(codedError('PCRS_GATEWAY', message), { outage: true });
  }

  /** Gets one slice ready to be written; its place is then free once it is. Yields why not, or nothing. */
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

  /** What is whole, and yet strange. Throws PCRS_GATEWAY for emptiness with --strict. */
  #reportOddities(): void {
    const { dated, strict, warn } = this.#options;
    const { records, slices } = this.#asker.foreign;
    if (slices > 1) warn(`in all, ${records} records in the answers to ${slices} slices were not asked for`);
    const empty = dated ? undefined : this.#emptiness.found;
    if (empty === undefined) return;
    if (strict) throw codedError('PCRS_GATEWAY', `${empty} (--strict)`);
    warn(empty);
  }

  #checkAllThere(): void {
    const { failed, notAsked, planned, missing } = this.counts;
    if (failed > 0) {
      const [first] = missing;
      const what = `${failed} of ${planned} slices ${failed === 1 ? 'was' : 'were'} given up (the first: policy ${first?.policies.join(', ')}, host ${first?.firstHostId})`;
      throw codedError('PCRS_GATEWAY', `${what}: ${first?.error}; ${this.#remedy}`);
    }
    if (notAsked > 0) {
      throw codedError(
        'PCRS_INCOMPLETE',
        `the archive lacks ${notAsked} of ${planned} slices; --resume asks for them`,
      );
    }
  }
}

function triesFor(slice: Slice, patient: boolean): number | undefined {
  return slice.hosts === 1 && patient ? undefined : fewTries;
}

/** The sign that all these failures have, if they have one. */
function commonSign(errors: readonly unknown[]): string | undefined {
  const [first, ...others] = errors.map(signOfOutage);
  return others.every((sign) => sign === first) ? first : undefined;
}

function brokeEmpty(error: unknown): boolean {
  return (error as { reason?: unknown }).reason === 'empty-break';
}
