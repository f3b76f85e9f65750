import { setTimeout as delay } from 'node:timers/promises';
import { codedError } from 'pcrs-records/errors';
import { databaseError, isLocked, type Purpose } from './database-error.ts';
import { requireFileLocks } from './file-locks.ts';

/** Default wait for another program's lock. */
const defaultLockWaitMs = 10_000;
/** One wait inside SQLite; it blocks the process, so it is short and repeated. */
export const busyTimeoutMs = 100;

export interface Patience {
  /** Wait for another program's lock. */
  lockWaitMs?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs an action that may find the database locked, until it is free or the wait is over.
 *
 * Throws  PCRS_MACHINE when the wait is over, at once on a file system without locks; any other error through
 *         `databaseError`; the signal's reason
 */
export async function patiently<T>(
  path: string,
  purpose: Purpose,
  { lockWaitMs = defaultLockWaitMs, signal }: Patience,
  act: () => T,
): Promise<T> {
  const deadline = performance.now() + lockWaitMs;
  for (let tries = 0; ; tries += 1) {
    try {
      return act();
    } catch (error) {
      if (!isLocked((error as { code?: string }).code)) throw databaseError(error, path, purpose);
      if (tries === 0 && purpose === 'writing') await requireFileLocks(path);
      if (performance.now() > deadline) {
        await requireFileLocks(path);
        const waited = lockWaitMs > 0 ? ` (waited ${lockWaitMs / 1000} s)` : '';
        const message = `${path} is locked by another program${waited}; try again when it has finished`;
        throw codedError('PCRS_MACHINE', message, { cause: error });
      }
    }
    signal?.throwIfAborted();
    await delay(50);
  }
}
