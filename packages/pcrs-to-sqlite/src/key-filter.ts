import type { Bound } from './values.ts';

/** Bits per key, all in one block: the 64 bytes that a processor fetches at once. */
const bitsPerKey = 12;
const wordsPerBlock = 16;

/**
 * Whether a key may have come before: "yes" is rarely wrong, "no" never is.
 *
 * A blocked Bloom filter: at 128 bits a key, about one key in 10^8 is mistaken for another.
 */
export class KeyFilter {
  readonly #words: Int32Array;
  readonly #lastBlock: number;

  /** Takes  bytes  a power of two */
  constructor(bytes: number) {
    this.#words = new Int32Array(bytes / 4);
    this.#lastBlock = this.#words.length / wordsPerBlock - 1;
  }

  /** Adds a key; whether it may have been added before. In a key, `7`, `'7'` and `7n` are the same. */
  add(key: readonly Bound[]): boolean {
    let hash = 0x9e3779b9;
    let other = 0x85ebca6b;
    for (let index = 0; index < key.length; index += 1) {
      const part = key[index] as Bound;
      const whole = typeof part === 'number' ? part : Number(part);
      const low = Number.isNaN(whole) ? textHash(part) : whole | 0;
      hash = mixed(hash ^ low, (whole / 0x1_0000_0000) | 0);
      other = mixed(other, low);
    }
    const block = (hash & this.#lastBlock) * wordsPerBlock;
    let known = true;
    let bits = mixed(other, hash);
    for (let count = 0; count < bitsPerKey; count += 1) {
      const word = block + (bits & (wordsPerBlock - 1));
      const bit = 1 << ((bits >>> 4) & 31);
      const before = this.#words[word] as number;
      if ((before & bit) === 0) {
        known = false;
        this.#words[word] = before | bit;
      }
      bits = count === 2 || count === 5 || count === 8 ? mixed(bits, count + other) : bits >>> 9;
    }
    return known;
  }
}

function textHash(text: Bound): number {
  let hash = 7;
  for (const character of String(text)) hash = mixed(hash, character.codePointAt(0) as number);
  return hash;
}

/** Source: the mixing step of MurmurHash3 (A. Appleby, public domain). */
function mixed(hash: number, value: number): number {
  let block = Math.imul(value, 0xcc9e2d51);
  block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
  let mixing = hash ^ block;
  mixing = Math.imul(mixing ^ (mixing >>> 16), 0x85ebca6b);
  mixing = Math.imul(mixing ^ (mixing >>> 13), 0xc2b2ae35);
  return mixing ^ (mixing >>> 16);
}
