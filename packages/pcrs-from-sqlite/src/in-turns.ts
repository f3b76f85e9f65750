import { setImmediate as turn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { codedError } from 'pcrs-records/errors';
import type { FromReader, SentBlock } from './reading-thread.ts';
import { type PostureBlock, partRows, type Rows, type StoredRecords } from './stored-records.ts';

/** What a second thread reads. */
export interface Reading {
  /** The file itself: a link may have been moved since. */
  readonly file: string;
  /** For messages. */
  readonly path: string;
  /** Members of postures to omit. */
  readonly without: readonly string[];
}

/** A part that is being read, or was. */
interface Turn {
  isRead: boolean;
  readonly block: Promise<PostureBlock>;
}

/** A thread starts in 30 ms: the time for some 3,000 records. */
const rowsForThread = 40 * partRows;
/** Parts that wait for the second thread. */
const partsAsked = 2;
/** Parts read ahead of the next one, by both. */
const partsAhead = 8;

/**
 * All postures of a database, in order: read by this thread and, if there are many, by a second one. Each takes the
 * next part once it is free.
 *
 * Takes   records     must hold a read transaction, so that both threads see the same moment
 *         isSameFile  whether the file is still the one that `records` reads; asked once the second thread has it open
 */
export async function* inTurns(
  records: StoredRecords,
  reading: Reading,
  isSameFile: () => boolean,
): AsyncGenerator<PostureBlock> {
  const parts = records.parts();
  const thread = records.hasAtLeast(rowsForThread)
    ? new ReadingThread(await startWorker(reading), isSameFile)
    : undefined;
  const turns: Turn[] = [];
  const spare: ArrayBuffer[] = [];
  let next = parts.next();
  const taken = (): Rows => {
    const part = next.value as Rows;
    next = parts.next();
    return part;
  };
  try {
    while (turns.length > 0 || !next.done) {
      while (thread?.isFree && !next.done) turns.push(thread.read(taken(), spare.pop()));
      const [first] = turns;
      if (first !== undefined && (first.isRead || turns.length >= partsAhead || next.done)) {
        turns.shift();
        const block = await first.block;
        yield* records.withRest(block);
        spare.push(block.lines.buffer as ArrayBuffer);
      } else {
        turns.push(readHere(records, taken(), spare.pop()));
        // The thread's answers come in.
        await turn();
      }
    }
  } finally {
    thread?.close();
  }
}

/** A failure waits for its turn. */
function readHere(records: StoredRecords, part: Rows, into: ArrayBuffer | undefined): Turn {
  const block = (async () => records.postures(part, into))();
  block.catch(() => {});
  return { isRead: true, block };
}

async function startWorker(reading: Reading): Promise<Worker> {
  const { Worker } = await import('node:worker_threads');
  // The thread's file is next to this one, with the same ending, built or not.
  const file = `./reading-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
  return new Worker(new URL(file, import.meta.url), { workerData: reading });
}

/** Reads parts in the order in which they are asked for. */
class ReadingThread {
  readonly #worker: Worker;
  readonly #asked: (PromiseWithResolvers<PostureBlock> & { turn: Turn })[] = [];
  /** Whether it has the file open, in a read transaction, and has not failed. */
  #isReady = false;

  constructor(worker: Worker, isSameFile: () => boolean) {
    this.#worker = worker;
    worker.on('message', ({ isReady, block, error }: FromReader) => {
      if (isReady !== undefined) this.#isReady = isReady && isSameFile();
      else if (error) this.#fail(codedError(error.code, error.message));
      else if (block) this.#answer(block);
    });
    worker.on('error', (error) => this.#fail(error as Error));
    worker.on('exit', () => this.#fail(new Error('the reading thread ended too soon')));
  }

  /** Whether it takes another part. */
  get isFree(): boolean {
    return this.#isReady && this.#asked.length < partsAsked;
  }

  /** Takes  into  memory of an earlier block, to reuse */
  read(part: Rows, into: ArrayBuffer | undefined): Turn {
    const answer = Promise.withResolvers<PostureBlock>();
    // It is awaited later, or never, if the reader stops early.
    answer.promise.catch(() => {});
    const turn = { isRead: false, block: answer.promise };
    this.#asked.push({ ...answer, turn });
    this.#worker.postMessage({ part, into }, into ? [into] : []);
    return turn;
  }

  close(): void {
    void this.#worker.terminate();
  }

  /** Bytes of another thread come without Buffer's methods. */
  #answer({ lines: { buffer, byteOffset, length }, ...rest }: SentBlock): void {
    const asked = this.#asked.shift();
    if (asked === undefined) return;
    asked.turn.isRead = true;
    asked.resolve({ ...rest, lines: Buffer.from(buffer, byteOffset, length) });
  }

  /** A thread that has failed answers nothing more. */
  #fail(error: Error): void {
    this.#isReady = false;
    for (const { reject, turn } of this.#asked.splice(0)) {
      turn.isRead = true;
      reject(error);
    }
  }
}
