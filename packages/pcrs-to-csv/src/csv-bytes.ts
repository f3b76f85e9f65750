const blockBytes = 64 * 1024;

/**
 * A buffer of CSV: bytes are appended, and taken in blocks.
 *
 * Limits  memory holds the bytes since the last `take()`
 */
export class CsvBytes {
  /** Position of the next byte; bytes past `reserve` are lost. */
  length = 0;
  bytes: Buffer = Buffer.alloc(0);

  /** Makes room for this many bytes more. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(
      Math.max(blockBytes, needed < 1e6 ? 2 * needed : Math.ceil(1.25 * needed)),
    );
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  text(text: string): void {
    this.reserve(text.length < blockBytes ? 3 * text.length : Buffer.byteLength(text));
    this.length += this.bytes.write(text, this.length);
  }

  /** All bytes since the last call; the caller owns them. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = this.bytes.subarray(this.length);
    this.length = 0;
    return taken;
  }
}
