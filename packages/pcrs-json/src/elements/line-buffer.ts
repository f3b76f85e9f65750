const FIRST_BLOCK = 16 << 10;
/** More than a stream buffers before it reports being full (64 KiB in Node 22 and later). */
const RECYCLED_BYTES = 128 << 10;
const LINE_FEED = 0x0a;
const FEW_BYTES = 64;
const NOTHING = new Uint8Array(0);

/** Whole lines, each ended by a line feed, with their number. */
export interface Block {
  bytes: Uint8Array;
  count: number;
}

/** Growing lines, handed over in blocks: the first ones early, the later ones in large blocks. */
export class LineBuffer {
  readonly #prefix: Uint8Array;
  readonly #blockBytes: number;
  #threshold: number;
  #writing = true;
  #bytes: Uint8Array = NOTHING;
  #spare: Uint8Array | undefined;
  #length = 0;
  /** End of the last whole line. */
  #whole = 0;
  #count = 0;

  /**
   * Takes  prefix  start of a line, in place of the element's {; its trailing comma is for the members that follow
   */
  constructor(prefix: Uint8Array, blockBytes: number) {
    this.#prefix = prefix;
    this.#blockBytes = blockBytes;
    this.#threshold = Math.min(FIRST_BLOCK, blockBytes);
  }

  /** Stops writing for good. */
  stop(): void {
    this.#writing = false;
    this.#bytes = NOTHING;
    this.#length = this.#whole = this.#count = 0;
  }

  /** Bytes not yet handed over, the current line included. */
  get held(): number {
    return this.#length;
  }

  /** Makes room for this many bytes more, and for what is inserted between them. */
  reserve(bytes: number): void {
    const due = this.#length + bytes + (bytes >> 5);
    if (!this.#writing || due <= this.#bytes.length) return;
    // a line that does not end gets twice the room each time, or copying would never end either
    const usual = this.#threshold + (this.#threshold >> 3);
    this.#grow(Math.max(due, this.#length > this.#threshold ? this.#bytes.length * 2 : usual));
  }

  begin(): void {
    this.write(this.#prefix);
  }

  /** Fixes the prefix of an object without members. */
  beginEmpty(): void {
    if (this.#writing) this.#length = this.#whole + Math.max(1, this.#prefix.length - 1);
  }

  write(bytes: Uint8Array): void {
    if (!this.#writing) return;
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) this.#grow(Math.max(end, this.#bytes.length * 2));
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }

  /** Writes part of `bytes`; a view of a few bytes costs more than copying them. */
  writePart(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#writing) return;
    const end = this.#length + to - from;
    if (end > this.#bytes.length) this.#grow(Math.max(end, this.#bytes.length * 2));
    if (to - from > FEW_BYTES) this.#bytes.set(bytes.subarray(from, to), this.#length);
    else for (let at = from, target = this.#length; at < to; at++, target++) this.#bytes[target] = bytes[at]!;
    this.#length = end;
  }

  end(): void {
    if (!this.#writing) return;
    if (this.#length === this.#bytes.length) this.#grow(this.#bytes.length * 2);
    this.#bytes[this.#length] = LINE_FEED;
    this.#length++;
    this.#whole = this.#length;
    this.#count++;
  }

  /** A block, once there is enough for one. */
  take(): Block | undefined {
    return this.#whole < this.#threshold ? undefined : this.takeAll();
  }

  takeAll(): Block | undefined {
    if (this.#count === 0) return undefined;
    const block = { bytes: this.#bytes.subarray(0, this.#whole), count: this.#count };
    const rest = this.#bytes.subarray(this.#whole, this.#length);
    this.#threshold = Math.min(this.#threshold * 2, this.#blockBytes);
    this.#bytes = rest.length === 0 ? NOTHING : new Uint8Array(rest);
    this.#length = rest.length;
    this.#whole = this.#count = 0;
    return block;
  }

  /**
   * Reuses the memory of a large block that nobody reads any more. Small ones may still wait in a stream's buffer.
   */
  recycle({ bytes }: Block): void {
    if (bytes.length >= this.#blockBytes && bytes.length >= RECYCLED_BYTES)
      this.#spare = new Uint8Array(bytes.buffer);
  }

  #grow(size: number): void {
    const spare = this.#spare;
    this.#spare = undefined;
    const wider = spare !== undefined && spare.length >= size ? spare : uncleared(size);
    wider.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = wider;
  }
}

/** A plain array, since Buffer views are slow to make; not zeroed first. */
function uncleared(size: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}
