import type { Worker } from 'node:worker_threads';
import { codedError } from 'pcrs-records/errors';
import type { FromReader } from './reading-thread.ts';
import type { LineBlock, Rows, StoredRecords } from './stored-records.ts';

/** What a second thread reads. */
export interface Reading {
  /** The file itself: a link may have been moved since. */
  readonly file: string;
  /** For messages. */
  readonly path: string;
  /** Members of postures to omit. */
  readonly without: readonly string[];
}

/** A thread starts in 30 ms: the time for some 3,000 records. */
const partsForThread = 40;
/** Parts with the second thread; more take memory and gain nothing. */
const partsAhead = 2;

/**
 * All postures of a database, in order: read by this thread and, if there are many, by a second one in turns.
 *
 * Takes   records     must hold a read transaction, so that both threads see the same moment
 *         isSameFile  whether the file is still the one that `records` reads; asked once the second thread has it open
 */
export async function* inTurns(
  records: StoredRecords,
  reading: Reading,
  isSameFile: () => boolean,
): AsyncGenerator<LineBlock> {
  const parts = records.parts();
  const thread = parts.length < partsForThread ? undefined : new ReadingThread(await startWorker(reading));
  try {
    if (thread === undefined || !(await thread.isReady) || !isSameFile()) {
      for (const part of parts) yield* records.postures(part);
      return;
    }
    const theirs = parts.filter((_, index) => !isOurs(index));
    let asked = 0;
    for (const [index, part] of parts.entries()) {
      for (; thread.waiting < partsAhead && asked < theirs.length; asked += 1)
        thread.ask(theirs[asked] as Rows);
      if (isOurs(index)) yield* records.postures(part);
      else yield* await thread.answer();
    }
  } finally {
    thread?.close();
  }
}

/** Two parts of five: this thread also sums and writes all of them. */
function isOurs(index: number): boolean {
  return (2 * index) % 5 < 2;
}

async function startWorker(reading: Reading): Promise<Worker> {
  const { Worker } = await import('node:worker_threads');
  // The thread's file is next to this one, with the same ending, built or not.
  const file = `./reading-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
  return new Worker(new URL(file, import.meta.url), { workerData: reading });
}

/** Reads parts in the order in which they are asked for. */
class ReadingThread {
  /** Whether it has the file open, in a read transaction; false if it cannot. */
  readonly isReady: Promise<boolean>;
  readonly #worker: Worker;
  readonly #answers: Promise<LineBlock[]>[] = [];
  readonly #open: PromiseWithResolvers<LineBlock[]>[] = [];
  #failure: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    const ready = Promise.withResolvers<boolean>();
    this.isReady = ready.promise;
    worker.on('message', ({ isReady, blocks = [], error }: FromReader) => {
      if (isReady !== undefined) ready.resolve(isReady);
      else if (error) this.#fail(codedError(error.code, error.message));
      else
        this.#open
          .shift()
          ?.resolve(blocks.map(({ lines, ...rest }) => ({ ...rest, lines: Buffer.from(lines) })));
    });
    const end = (error: Error) => {
      ready.resolve(false);
      this.#fail(error);
    };
    worker.on('error', end);
    worker.on('exit', () => end(new Error('the reading thread ended too soon')));
  }

  /** Parts asked for and not yet taken. */
  get waiting(): number {
    return this.#answers.length;
  }

  ask(part: Rows): void {
    const answer = Promise.withResolvers<LineBlock[]>();
    // It is awaited later, or never, if the reader stops early.
    answer.promise.catch(() => {});
    this.#open.push(answer);
    this.#answers.push(answer.promise);
    if (this.#failure) this.#fail(this.#failure);
    else this.#worker.postMessage(part);
  }

  /** The blocks of the next part that was asked for. */
  answer(): Promise<LineBlock[]> {
    return this.#answers.shift() as Promise<LineBlock[]>;
  }

  close(): void {
    void this.#worker.terminate();
  }

  /** A thread that has failed answers nothing more. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const answer of this.#open.splice(0)) answer.reject(error);
  }
}
