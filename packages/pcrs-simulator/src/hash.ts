/**
 * A number from 0 to 2^32 - 1 that depends on all four arguments and nothing else. Without state, any record of the
 * world can be made without those before it.
 *
 * Takes   four integers; only their low 32 bits count
 */
export function hash(seed: number, a: number, b: number, c: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(a + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(b + 0x165667b1, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 13), 0x297a2d39) ^ Math.imul(c + 0x1b873593, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** An item of a list, chosen by a number. */
export function pick<T>(list: readonly T[], number: number): T {
  return list[number % list.length] as T;
}
