import { crc32 } from 'node:zlib';
import { LineScanner, type LineScannerOptions, type Lines, type NamePath } from 'pcrs-json/lines';

/** Whole lines, the places of their members, and their checksums. */
export interface Block extends Lines {
  /** For each line: the CRC-32 of its bytes. */
  sums: Uint32Array;
}

/** Scans lines with their checksums; names can be added meanwhile. */
export class BlockScanner {
  readonly #scanner: LineScanner;
  #known: number;
  /** Names without a slot yet. */
  #unknown: NamePath[] = [];

  constructor(options: LineScannerOptions) {
    this.#scanner = new LineScanner(options);
    this.#known = options.names.length;
  }

  *push(chunk: Uint8Array): Generator<Block> {
    for (const lines of this.#scanner.push(chunk)) yield { ...lines, sums: sumsOf(lines) };
  }

  *end(): Generator<Block> {
    for (const lines of this.#scanner.end()) yield { ...lines, sums: sumsOf(lines) };
  }

  /** Gives more names the next slots, in order; once there are too many, none gets one. */
  learn(names: readonly NamePath[]): void {
    this.#unknown.push(...names);
    while (this.#unknown[0] !== undefined && this.#scanner.addName(this.#unknown[0]) === this.#known) {
      this.#unknown.shift();
      this.#known += 1;
    }
  }

  /** The bytes of the current line, for another scanner; this one ends here. */
  takeRest(): Uint8Array {
    return this.#scanner.takeRest();
  }
}

function sumsOf({ bytes, places, count, width }: Lines): Uint32Array {
  const sums = new Uint32Array(count);
  for (let row = 0; row < count; row += 1)
    sums[row] = crc32(bytes.subarray(places[row * width], places[row * width + 1]));
  return sums;
}
