import { createHash } from 'node:crypto';
import { type FileHandle, rm } from 'node:fs/promises';
import { renameFile } from 'pcrs-machine/file';
import { machineError } from 'pcrs-machine/machine-error';

/** Bytes of one body in an archive: written once, read as often as needed. */
export class ArchivePart {
  isGzip = false;
  readonly #hash = createHash('sha256');
  readonly #handle: FileHandle;
  #path: string;
  #bytes = 0;
  #kept: boolean;
  #closed = false;
  #first = 0;

  /** Takes  kept  whether the file is already part of the archive */
  constructor(path: string, handle: FileHandle, kept: boolean) {
    this.#path = path;
    this.#handle = handle;
    this.#kept = kept;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    if (this.#bytes === 0) this.#first = chunk[0]!;
    if (this.#bytes < 2 && this.#bytes + chunk.length >= 2) {
      this.isGzip = this.#first === 0x1f && chunk[1 - this.#bytes] === 0x8b;
    }
    this.#hash.update(chunk);
    await this.#handle.writeFile(chunk).catch((error) => {
      throw machineError(this.#path, error);
    });
    this.#bytes += chunk.length;
  }

  async finish(): Promise<void> {}

  async *read(): AsyncGenerator<Uint8Array> {
    const size = 256 << 10;
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafeSlow(size), 0, size, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Closes the file; removes it unless it is part of the archive. */
  async discard(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
    if (!this.#kept) await rm(this.#path, { force: true });
  }

  /** Gives the file its final name, durably. */
  async rename(path: string): Promise<{ bytes: number; sha256: string }> {
    await this.#handle.sync();
    renameFile(this.#path, path);
    this.#path = path;
    this.#kept = true;
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
