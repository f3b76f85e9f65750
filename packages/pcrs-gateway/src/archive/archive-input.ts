import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { requireRegular } from 'pcrs-machine/file';
import { machineError } from 'pcrs-machine/machine-error';
import { fileMode } from 'pcrs-machine/modes';

const CHUNK_BYTES = 256 << 10;

/** Record of an input that was stored whole. */
interface KeptInput {
  bytes: number;
  sha256: string;
}

/**
 * Stores an input in a file as fast as it arrives, and yields it from there as fast as it is read: the whole input is
 * stored long before it is used up.
 */
export class InputTee {
  /** Resolves once the whole input is stored and synced; rejects if that failed. */
  readonly whole: Promise<KeptInput>;
  readonly #path: string;
  #bytes = 0;
  #over = false;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, path: string) {
    this.#path = path;
    this.whole = this.#keep(source);
    this.whole.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let file: FileHandle | undefined;
    try {
      for (let at = 0; ; ) {
        while (at === this.#bytes && !this.#over) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        if (at === this.#bytes) break;
        file ??= await open(this.#path, 'r');
        const { bytesRead, buffer } = await file.read(
          Buffer.allocUnsafeSlow(CHUNK_BYTES),
          0,
          CHUNK_BYTES,
          at,
        );
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file?.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #keep(source: AsyncIterable<Uint8Array>): Promise<KeptInput> {
    const hash = createHash('sha256');
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path, 'w', fileMode()).catch((error) => {
        throw machineError(this.#path, error);
      });
      for await (const chunk of source) {
        await write(file, chunk, this.#path);
        hash.update(chunk);
        this.#bytes += chunk.length;
        this.#wake?.();
      }
      await file.sync();
      return { bytes: this.#bytes, sha256: hash.digest('hex') };
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#over = true;
      this.#wake?.();
      await file?.close();
    }
  }
}

async function write(file: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    throw machineError(path, error);
  }
}

/** Bytes of a file. */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const chunk = await readAt(path, at);
    if (chunk.length === 0) return;
    at += chunk.length;
    yield chunk;
  }
}

/** Opens the file anew for each chunk: a reader that stops midway leaves nothing open. */
async function readAt(path: string, at: number): Promise<Buffer> {
  try {
    requireRegular(path);
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, CHUNK_BYTES, at);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw machineError(path, error);
  }
}
