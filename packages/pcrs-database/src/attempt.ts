import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsedObject } from 'pcrs-records/kinds';

/** Outcome of the last start of pcrs-etl in a folder. */
export interface Attempt {
  startedAt: string;
  /** Null while it runs, and after it was killed. */
  endedAt: string | null;
  /** Exit status. */
  status: number | null;
  message: string | null;
}

/** The file of a series' last start in a folder. */
export function attemptFile(folder: string, name?: string): string {
  return join(folder, `last_attempt${name === undefined ? '' : `_${name}`}.json`);
}

/** Reads the outcome of a series' last start; null if the folder has none. */
export function lastAttempt(folder: string, name?: string): Attempt | null {
  const file = attemptFile(folder, name);
  try {
    const attempt = existsSync(file) ? parsedObject(readFileSync(file, 'utf8')) : undefined;
    return typeof attempt?.['startedAt'] === 'string' ? (attempt as unknown as Attempt) : null;
  } catch {
    return null;
  }
}
