import { crc32 } from 'node:zlib';

const MODULUS = 2 ** 53;

/**
 * A checksum of lines in any order: the sum modulo 2^53 of the CRC-32 of each, line feed excluded.
 *
 * Source  the pipe contract, section 2: `sums` of an end record
 */
export class LineSum {
  #sum = 0;

  /** Takes  line  whole, without its line feed */
  add(line: Uint8Array): void {
    this.addSum(crc32(line));
  }

  /** Adds the sum of other lines, below 2^53. */
  addSum(sum: number): void {
    // a double holds every integer up to the modulus, but not the sum of two
    this.#sum = this.#sum >= MODULUS - sum ? this.#sum - (MODULUS - sum) : this.#sum + sum;
  }

  get value(): number {
    return this.#sum;
  }

  /** Decimal digits, as in an end record. */
  get text(): string {
    return String(this.#sum);
  }
}
