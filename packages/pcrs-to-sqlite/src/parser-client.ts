import { Worker } from 'node:worker_threads';
import type { ParserStart, ToParser } from './parser-thread.ts';
import type { PostureBatch } from './posture-batch.ts';

/** Pieces that are in the other thread's hands at a time. */
const piecesUnderWay = 8;

/** A thread that parses postures. */
export class ParserThread {
  readonly #worker: Worker;
  readonly #batches: PostureBatch[] = [];
  #underWay = 0;
  #failure: { error: unknown } | undefined;
  #wake = (): void => {};

  constructor(start: ParserStart) {
    // Built or not, the thread's file lies beside this one and has its ending.
    const file = `./parser-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (batch: PostureBatch) => {
      this.#batches.push(batch);
      this.#underWay -= 1;
      this.#wake();
    });
    this.#worker.on('error', (error) => {
      this.#underWay = 0;
      this.#fail(error);
    });
  }

  /** Tells what became of a member that had no column. */
  learn(name: string, hasColumn: boolean): void {
    this.#tell({ name, hasColumn });
  }

  /**
   * Parses pieces of a stream, each of which ends at a line's end.
   *
   * Yields  a batch for each, in their order
   */
  async *parse(pieces: AsyncIterator<Uint8Array>): AsyncGenerator<PostureBatch> {
    const fed = this.#feed(pieces).catch((error) => this.#fail(error));
    let done = false;
    fed.then(() => {
      done = true;
      this.#wake();
    });
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        yield batch;
        continue;
      }
      if (this.#failure && this.#underWay === 0) throw this.#failure.error;
      if (done && this.#underWay === 0) return;
      await this.#change();
    }
  }

  close(): void {
    void this.#worker.terminate();
  }

  async #feed(pieces: AsyncIterator<Uint8Array>): Promise<void> {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return this.#tell({ bytes: undefined });
      // A copy, since what is handed over to a thread is gone here, and these bytes are not ours.
      const bytes = Uint8Array.prototype.slice.call(value);
      this.#underWay += 1;
      this.#tell({ bytes }, [bytes.buffer]);
      while (this.#underWay >= piecesUnderWay && !this.#failure) await this.#change();
    }
  }

  #tell(message: ToParser, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        this.#wake = () => {};
        before();
        resolve();
      };
    });
  }
}
