import type { FileHandle } from 'node:fs/promises';

/** An append-only file of whole lines, written one at a time. */
export class LineFile {
  readonly #handle: FileHandle;
  #turn: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Takes  durable  whether this line, and all before it, must survive a crash of the machine */
  append(line: string, durable: boolean): Promise<void> {
    const written = this.#turn.then(async () => {
      await this.#handle.appendFile(`${line}\n`);
      if (durable) await this.#handle.sync();
    });
    this.#turn = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#handle.close();
  }
}
