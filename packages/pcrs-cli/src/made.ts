import { KindSums } from 'pcrs-json/kind-sums';
import { LineSum } from 'pcrs-json/sums';
import type { Counts } from 'pcrs-records/kinds';

const lineFeed = 0x0a;

/** Counts and checksums of the records a stage made, by kind, for its `end`. */
export class Made {
  readonly #records = new KindSums();

  /** Adds whole lines of a kind. Slices are neither counted nor summed: they describe the run. */
  add(kind: string, lines: Uint8Array | string): void {
    if (kind === 'slice') return;
    const bytes = typeof lines === 'string' ? Buffer.from(lines) : asBuffer(lines);
    // plain views: a Buffer view per record is slow to make
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const sum = new LineSum();
    let count = 0;
    for (let at = 0; at < bytes.length; count += 1) {
      const found = bytes.indexOf(lineFeed, at);
      const end = found < 0 ? bytes.length : found;
      sum.add(plain.subarray(at, end));
      at = end + 1;
    }
    if (count > 0) this.#records.add(kind, count, sum.value);
  }

  get out(): Counts {
    return this.#records.counts;
  }

  get sums(): Record<string, string> {
    return this.#records.sums;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
