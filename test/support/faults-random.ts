/** Extent of tests without a natural end: `PCRS_FAULTS=long`, or a count in the named variable. */
export const isLong = process.env['PCRS_FAULTS'] === 'long';

export function countOf(variable: string, short: number, long: number): number {
  return Number(process.env[variable] ?? (isLong ? long : short));
}

/** Numbers from 0 to 1 decided by a seed, so that `PCRS_SEED` reproduces a failure. */
export function randomNumbers(): { seed: number; next(): number } {
  const seed = Number(process.env['PCRS_SEED'] ?? Date.now() % 1_000_000);
  let state = seed + 1;
  return {
    seed,
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
