/** Size of a block. */
const blockBytes = 256 * 1024;
const closingBrace = 0x7d;
const lineFeed = 0x0a;

/** Lines gathered into blocks of bytes. */
export class LineBlocks {
  #bytes = Buffer.allocUnsafeSlow(blockBytes);
  #length = 0;
  /** Lines in the block. */
  count = 0;

  /** Adds a line in parts: its start in ASCII, members, ready bytes; `}` ends it. */
  add(begin: string, members: string, bytes: Buffer): void {
    // A UTF-16 unit becomes at most three bytes.
    this.#need(begin.length + 3 * members.length + bytes.length + 2);
    this.#length += this.#bytes.write(begin, this.#length, 'latin1');
    this.#length += this.#bytes.write(members, this.#length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#bytes[this.#length++] = closingBrace;
    this.#bytes[this.#length++] = lineFeed;
    this.count += 1;
  }

  /** Whether there is enough for `take`. */
  get isFull(): boolean {
    return this.#length >= (blockBytes / 8) * 7;
  }

  /** The gathered lines, in a new buffer. */
  take(): Buffer {
    const lines = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(blockBytes);
    this.#length = 0;
    this.count = 0;
    return lines;
  }

  #need(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
