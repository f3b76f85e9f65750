const blockBytes = 64 * 1024;

/**
 * CSV as it is written: bytes that are appended and taken away in blocks.
 *
 * Limits  memory holds what was appended since the last `take()`
 */
export class CsvBytes {
  /** Where the next byte goes; who writes past `reserve` loses it. */
  length = 0;
  bytes: Buffer = Buffer.alloc(0);

  /** Makes room for so many bytes more. */
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

  /** All bytes since the last call; the caller's own. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = this.bytes.subarray(this.length);
    this.length = 0;
    return taken;
  }
}
