import { Worker } from 'node:worker_threads';
import type { ParserStart, ToParser } from './parser-thread.ts';
import type { PostureBatch } from './posture-batch.ts';

/** Pieces that are on their way to the other thread and back at a time. */
const piecesUnderWay = 6;
/** While the other thread is busy, so much is gathered for it: each handing over costs the same. */
const gatheredBytes = 256 * 1024;

/** A thread that parses postures. */
export class ParserThread {
  readonly #worker: Worker;
  readonly #batches: PostureBatch[] = [];
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Pieces that the thread has. */
  #handed = 0;
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake = (): void => {};

  constructor(start: ParserStart) {
    // Built or not, the thread's file lies beside this one and has its ending.
    const file = `./parser-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: start,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (batch: PostureBatch | 'end') => {
      if (batch === 'end') this.#ended = true;
      else this.#batches.push(batch);
      this.#handed = Math.max(0, this.#handed - 1);
      if (this.#handed === 0) this.#handOver();
      this.#wake();
    });
    this.#worker.on('error', (error) => this.#end(error));
  }

  /** Tells what became of a member that had no column. */
  learn(name: string, hasColumn: boolean): void {
    this.#tell({ name, hasColumn });
  }

  /**
   * Parses pieces of a stream, each of which but the last ends at a line's end.
   *
   * Yields  batches in the order of the stream
   * Throws  what the pieces throw, after the batches of those before
   */
  async *parse(pieces: AsyncIterator<Uint8Array>): AsyncGenerator<PostureBatch> {
    this.#feed(pieces).catch((error) => this.#end(error));
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        yield batch;
        this.#wake();
      } else if (this.#ended) {
        if (this.#failure) throw this.#failure.error;
        return;
      } else await this.#change();
    }
  }

  close(): void {
    void this.#worker.terminate();
  }

  async #feed(pieces: AsyncIterator<Uint8Array>): Promise<void> {
    let failure: { error: unknown } | undefined;
    for (;;) {
      const next = await pieces.next().catch((error) => {
        failure = { error };
        return { done: true as const, value: undefined };
      });
      if (next.done) break;
      this.#pieces.push(next.value);
      this.#bytes += next.value.length;
      if (this.#handed === 0 || this.#bytes >= gatheredBytes) this.#handOver();
      while (this.#handed + this.#batches.length >= piecesUnderWay && !this.#ended) await this.#change();
    }
    this.#handOver();
    this.#failure ??= failure;
    this.#tell({ bytes: undefined });
  }

  /** Hands over what is gathered: a copy, since what goes to a thread is gone here, and the pieces are not ours. */
  #handOver(): void {
    if (this.#bytes === 0) return;
    const bytes = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#bytes = 0;
    this.#handed += 1;
    this.#tell({ bytes }, [bytes.buffer]);
  }

  #tell(message: ToParser, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #end(error: unknown): void {
    this.#failure ??= { error };
    this.#ended = true;
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
