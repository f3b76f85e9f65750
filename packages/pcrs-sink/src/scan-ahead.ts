import type { LineScannerOptions, NamePath } from 'pcrs-json/lines';
import type { Block } from './block-scanner.ts';
import { type PackedBlock, takeBuffer, unpacked } from './packed-block.ts';
import type { FromScanner, ToScanner } from './scan-thread.ts';

/** Pieces with the thread plus blocks waiting: enough to keep both threads busy. */
const underWay = 4;
/** Bytes gathered while the thread is busy, since each message has a fixed cost. */
const gatheredBytes = 512 * 1024;
/** Most buffers kept for reuse. */
const keptBuffers = 2 * underWay;
const largestKept = 8 * gatheredBytes;

/**
 * Reads, scans and sums a stream on a second thread while the caller takes its blocks.
 *
 * Takes   rest     the bytes that another scanner has left
 *         learned  the names that got slots since the last call
 * Yields  blocks in stream order, each valid until the next is asked for
 * Throws  whatever the source throws, after the blocks before it
 */
export async function* scanAhead(
  rest: Uint8Array,
  source: AsyncIterator<Uint8Array>,
  options: LineScannerOptions,
  learned: () => readonly NamePath[],
): AsyncGenerator<Block> {
  const thread = await ScanThread.start(options);
  try {
    thread.learn(learned());
    void thread.feed(rest, source);
    for (let packed = await thread.next(); packed !== undefined; packed = await thread.next()) {
      yield unpacked(packed);
      thread.reuse(packed.buffer);
      thread.learn(learned());
    }
  } finally {
    thread.close();
  }
}

class ScanThread {
  readonly #worker: import('node:worker_threads').Worker;
  readonly #arrived: PackedBlock[] = [];
  #gathered: Uint8Array[] = [];
  #bytes = 0;
  /** Pieces with the thread. */
  #handed = 0;
  #buffers: ArrayBuffer[] = [];
  #names: NamePath[] = [];
  #ended = false;
  #failure: { error: unknown } | undefined;
  #wake = (): void => {};

  static async start(options: LineScannerOptions): Promise<ScanThread> {
    const { Worker } = await import('node:worker_threads');
    // The thread's file is next to this one, with the same ending, built or not.
    const file = `./scan-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    return new ScanThread(new Worker(new URL(file, import.meta.url), { workerData: options }));
  }

  private constructor(worker: import('node:worker_threads').Worker) {
    this.#worker = worker;
    worker.on('message', ({ blocks, piece }: FromScanner) => {
      this.#arrived.push(...blocks);
      this.reuse(piece);
      this.#handed -= 1;
      if (this.#handed === 0) {
        worker.unref();
        this.#handOver();
      }
      this.#wake();
    });
    worker.on('error', (error) => this.#died(error));
    worker.on('exit', () => this.#died(new Error('the scanning thread ended too soon')));
    worker.unref();
  }

  /** Feeds the source to the thread, as fast as blocks are taken. */
  async feed(rest: Uint8Array, source: AsyncIterator<Uint8Array>): Promise<void> {
    try {
      this.#gather(rest);
      for (let next = await source.next(); !next.done && !this.#ended; next = await source.next()) {
        this.#gather(next.value);
        while (this.#handed + this.#arrived.length >= underWay && !this.#ended) await this.#change();
      }
      this.#end();
    } catch (error) {
      this.#end(error);
    }
  }

  /** The next block; undefined after the last. */
  async next(): Promise<PackedBlock | undefined> {
    // Between two blocks, passes what has arrived to the thread.
    if (this.#handed < 2 && !this.#ended) await new Promise(setImmediate);
    while (this.#arrived.length === 0 && (this.#handed > 0 || !this.#ended)) await this.#change();
    const block = this.#arrived.shift();
    if (block === undefined && this.#failure) throw this.#failure.error;
    this.#wake();
    return block;
  }

  /** Gives names a slot in all following pieces. */
  learn(names: readonly NamePath[]): void {
    this.#names.push(...names);
  }

  /** Takes back a block's buffer. */
  reuse(buffer: ArrayBuffer): void {
    if (this.#buffers.length < keptBuffers && buffer.byteLength <= largestKept) this.#buffers.push(buffer);
  }

  close(): void {
    this.#ended = true;
    this.#wake();
    void this.#worker.terminate();
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered.push(bytes);
    this.#bytes += bytes.length;
    if (this.#handed === 0 || this.#bytes >= gatheredBytes) this.#handOver();
  }

  /** Sends a copy: what goes to a thread is detached here, and the bytes are not ours. */
  #handOver(isLast = false): void {
    if (this.#gathered.length === 0 && !isLast) return;
    const length = this.#bytes;
    const piece = takeBuffer(this.#buffers, length);
    const bytes = new Uint8Array(piece);
    let at = 0;
    for (const chunk of this.#gathered) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    const message: ToScanner = { piece, length, isLast, names: this.#names, buffers: this.#buffers };
    this.#worker.ref();
    this.#worker.postMessage(message, [piece, ...this.#buffers]);
    this.#handed += 1;
    this.#gathered = [];
    this.#bytes = 0;
    this.#names = [];
    this.#buffers = [];
  }

  #end(error?: unknown): void {
    if (this.#ended) return;
    if (error === undefined) this.#handOver(true);
    else {
      this.#handOver();
      this.#failure = { error };
    }
    this.#ended = true;
    this.#wake();
  }

  /** Without the thread nothing comes any more: what it had not answered is lost, even if the source has ended. */
  #died(error: unknown): void {
    if (this.#handed > 0 || !this.#ended) this.#failure ??= { error };
    this.#handed = 0;
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
