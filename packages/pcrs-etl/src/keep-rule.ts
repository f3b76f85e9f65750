import { durationMs } from 'pcrs-records/duration';

/** Value of `--keep`: a number of complete runs, or an age limit. */
export type KeepRule = { runs: number } | { withinMs: number };

/** Parses `30` or `90d`. */
export function parseKeep(text: string): KeepRule {
  if (/^[1-9]\d{0,4}$/.test(text)) return { runs: Number(text) };
  try {
    return { withinMs: durationMs(text) };
  } catch {
    throw new Error('must be a number of runs like 30, or a time like 90d');
  }
}
