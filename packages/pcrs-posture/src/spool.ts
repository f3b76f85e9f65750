import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';

/** A received body: written once, read as often as needed, then discarded. */
export interface Part {
  /** Await the promise if one is returned. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Call once, after the last write. */
  finish(): Promise<void>;
  read(): AsyncIterable<Uint8Array>;
  /** Frees its memory or its file; may be called twice. */
  discard(): Promise<void>;
}

export interface SpoolOptions {
  /** Limit for all parts together; beyond it they go to files. */
  memoryBytes?: number;
  /** Default: the system's temporary directory. */
  directory?: string | undefined;
}

const PAGE_BYTES = 256 << 10;

/**
 * Holds received bodies until they are proven and written: in memory up to a total limit, then in files.
 *
 * Limits  48 MiB of memory by default; with 16 MiB of lines (see prove.ts) 64 in total. A file is 0600 and unlinked
 *         as soon as it is open, so that not even kill -9 leaves one behind
 * Throws  PCRS_MACHINE if a file cannot be written
 */
export class Spool {
  readonly #directory: string;
  #freeBytes: number;

  constructor(options: SpoolOptions = {}) {
    this.#freeBytes = options.memoryBytes ?? 48 << 20;
    this.#directory = options.directory ?? tmpdir();
  }

  open(): Part {
    return new SpooledPart(this.#directory, (bytes) => {
      if (bytes > this.#freeBytes) return false;
      this.#freeBytes -= bytes;
      return true;
    });
  }
}

class SpooledPart implements Part {
  readonly #directory: string;
  /** Reserves memory of the spool, false if there is none; negative to give it back. */
  readonly #reserve: (bytes: number) => boolean;
  #pages: Buffer[] = [];
  #lastLength = PAGE_BYTES;
  #file: FileHandle | undefined;
  #fileBytes = 0;

  constructor(directory: string, reserve: (bytes: number) => boolean) {
    this.#directory = directory;
    this.#reserve = reserve;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#file !== undefined) return this.#toFile([chunk]);
    for (let at = 0; at < chunk.length; ) {
      if (this.#lastLength === PAGE_BYTES) {
        if (!this.#reserve(PAGE_BYTES)) return this.#toFile([...this.#takePages(), chunk.subarray(at)]);
        this.#pages.push(Buffer.allocUnsafeSlow(PAGE_BYTES));
        this.#lastLength = 0;
      }
      const end = Math.min(chunk.length, at + PAGE_BYTES - this.#lastLength);
      this.#pages.at(-1)!.set(chunk.subarray(at, end), this.#lastLength);
      this.#lastLength += end - at;
      at = end;
    }
    return undefined;
  }

  async finish(): Promise<void> {}

  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.#fileBytes; ) {
      const { bytesRead, buffer } = await this.#file!.read(
        Buffer.allocUnsafeSlow(PAGE_BYTES),
        0,
        PAGE_BYTES,
        at,
      );
      if (bytesRead === 0) throw machineError(this.#directory, new Error('a temporary file was cut short'));
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    yield* this.#filled();
  }

  async discard(): Promise<void> {
    this.#takePages();
    const file = this.#file;
    this.#file = undefined;
    this.#fileBytes = 0;
    await file?.close();
  }

  #filled(): Buffer[] {
    return this.#pages.map((page, index) =>
      index === this.#pages.length - 1 ? page.subarray(0, this.#lastLength) : page,
    );
  }

  /** All bytes in memory; returns the memory to the spool. */
  #takePages(): Buffer[] {
    const pages = this.#filled();
    this.#reserve(-this.#pages.length * PAGE_BYTES);
    this.#pages = [];
    this.#lastLength = PAGE_BYTES;
    return pages;
  }

  async #toFile(chunks: readonly Uint8Array[]): Promise<void> {
    try {
      this.#file ??= await openNameless(this.#directory);
      for (const chunk of chunks) {
        await this.#file.writeFile(chunk);
        this.#fileBytes += chunk.length;
      }
    } catch (error) {
      throw machineError(this.#directory, error);
    }
  }
}

/** A new file, 0600, that nobody else can open and that vanishes with its handle. */
async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `pcrs-posture-${randomUUID()}.part`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path, { force: true });
  return file;
}

function machineError(directory: string, error: unknown): Error {
  return codedError(
    'PCRS_MACHINE',
    `${directory}: ${(error as Error).message}; use --temp-dir to choose another directory`,
  );
}
