import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from 'pcrs-records/kinds';

/** The last start of pcrs-etl in a folder. */
export interface Attempt {
  startedAt: string;
  /** Null while it runs, and after it was killed. */
  endedAt: string | null;
  /** Exit status. */
  status: number | null;
  message: string | null;
}

/** Reads the outcome of a series' last start; null if the folder has none. */
export function lastAttempt(folder: string, name: string | undefined): Attempt | null {
  const file = join(folder, `last_attempt${name === undefined ? '' : `_${name}`}.json`);
  try {
    const attempt: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
    return isObject(attempt) && typeof attempt['startedAt'] === 'string'
      ? (attempt as unknown as Attempt)
      : null;
  } catch {
    return null;
  }
}
