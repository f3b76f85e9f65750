import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { ByteBlock } from 'pcrs-records/lines';
import type { FromParser, ParserStart, ToParser } from './parser-thread.ts';
import type { PostureBatch } from './posture-batch.ts';

/** Blocks that are on their way to the other thread and back at a time: enough to parse while a transaction is committed. */
const blocksUnderWay = 8;
/** While the other thread is busy, so much is gathered for it: each handing over costs the same. */
const gatheredBytes = 256 * 1024;

/**
 * What is parsed dies young where the space for the young holds a few hundred records; else it grows old first.
 * Measured on 322,000 records: 170 MB at the peak with this, 190 MB without, and a twentieth faster. V8 takes it when it
 * makes a thread's heap, so it changes no heap that is there.
 */
const youngMegabytes = 2;

/** A thread that parses postures. */
export class ParserThread {
  readonly #worker: Worker;
  readonly #batches: PostureBatch[] = [];
  /** Blocks that the thread has. */
  #handed = 0;
  /** What is gathered for it, and buffers that came back: none is made twice. */
  #gathered: ByteBlock[] = [];
  #bytes = 0;
  readonly #buffers: ArrayBuffer[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake = (): void => {};

  constructor(start: ParserStart) {
    // Built or not, the thread's file lies beside this one and has its ending.
    const file = `./parser-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    setFlagsFromString(`--min-semi-space-size=${youngMegabytes}`);
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: start });
    this.#worker.on('message', ({ batch, buffer }: FromParser) => {
      this.#batches.push(batch);
      this.#buffers.push(buffer);
      this.#handed -= 1;
      if (this.#handed === 0) this.#handOver();
      this.#wake();
    });
    this.#worker.on('error', (error) => {
      this.#handed = 0;
      this.#end({ error });
    });
  }

  /** Tells what became of a member that had no column. */
  learn(name: string, hasColumn: boolean): void {
    this.#tell({ name, hasColumn });
  }

  /**
   * Parses the blocks of a stream.
   *
   * Yields  batches in the order of the stream
   * Throws  what the blocks throw, after the batches of those before
   */
  async *parse(blocks: AsyncIterator<ByteBlock>): AsyncGenerator<PostureBatch> {
    void this.#feed(blocks).then(
      () => this.#end(),
      (error) => this.#end({ error }),
    );
    for (;;) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        // Blocks arrive only while this thread waits; without a turn for each batch the other would run out of them.
        this.#wake();
        await nextTurn();
        yield batch;
      } else if (this.#ended && this.#handed === 0) {
        if (this.#failure) throw this.#failure.error;
        return;
      } else await this.#change();
    }
  }

  close(): void {
    void this.#worker.terminate();
  }

  async #feed(blocks: AsyncIterator<ByteBlock>): Promise<void> {
    for (;;) {
      const { done, value } = await blocks.next();
      if (done) return;
      // A line that may be cut is a block of its own.
      if (value.unterminated) this.#handOver();
      this.#gathered.push(value);
      this.#bytes += value.bytes.length;
      if (this.#handed === 0 || this.#bytes >= gatheredBytes) this.#handOver();
      while (this.#handed + this.#batches.length >= blocksUnderWay && !this.#ended) await this.#change();
    }
  }

  /** Hands over what is gathered: a copy, since what goes to a thread is gone here, and the bytes are not ours. */
  #handOver(): void {
    const [first] = this.#gathered;
    if (first === undefined) return;
    const length = this.#bytes;
    let buffer = this.#buffers.pop();
    if (buffer === undefined || buffer.byteLength < length) buffer = new ArrayBuffer(roomFor(length));
    const bytes = new Uint8Array(buffer);
    let at = 0;
    for (const block of this.#gathered) {
      bytes.set(block.bytes, at);
      at += block.bytes.length;
    }
    this.#gathered = [];
    this.#bytes = 0;
    this.#handed += 1;
    const { firstLine, unterminated } = first;
    this.#tell({ buffer, length, firstLine, unterminated }, [buffer]);
  }

  #tell(message: ToParser, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #end(failure?: { error: unknown }): void {
    if (!this.#ended) this.#handOver();
    this.#failure ??= failure;
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

/** Blocks differ by a line or so in length; a buffer should do for the next one, too. */
function roomFor(bytes: number): number {
  return Math.ceil((bytes * 1.25) / gatheredBytes) * gatheredBytes;
}
