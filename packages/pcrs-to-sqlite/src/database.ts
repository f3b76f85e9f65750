import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { codedError } from 'pcrs-records/errors';
import { databaseError, isLocked, machineError } from './database-error.ts';
import { mergedMembers } from './unknown-members.ts';

/** Another program's lock is waited for so long, unless told otherwise. */
const defaultLockWaitMs = 10_000;
/** One wait inside SQLite; it blocks the process, so it is short and repeated. */
const busyTimeoutMs = 100;
const cacheKiB = 12 * 1024;
/** Measured: rows of about 1 KB load as fast as with larger pages, and small files stay small. */
const pageBytes = 8192;

/** An open database with a transaction at a time. */
export interface LoadDatabase {
  readonly db: Database;
  readonly path: string;
  /** Whether a transaction is open. */
  readonly busy: boolean;
  /** Both wait for other programs, and throw PCRS_MACHINE when these take too long. */
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): void;
  close(): void;
}

export interface OpenOptions {
  /** Another program's lock is waited for so long. */
  lockWaitMs?: number | undefined;
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
  /** Keeps the file locked from the first read on: nobody else is to see it yet. */
  exclusive?: boolean;
}

/**
 * Says early what would be wrong with a database later; makes nothing.
 *
 * Throws  PCRS_USAGE for a name that cannot be a database; PCRS_MACHINE where its directory cannot be written
 */
export async function checkPath(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw codedError('PCRS_USAGE', `${path} is a directory; give a file name`);
  }
  const directory = dirname(path);
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw codedError('PCRS_USAGE', `${path}: there is no directory ${directory}; make it first`);
  }
  // SQLite puts its journal beside the file, so the directory must be writable in any case.
  await access(directory, constants.W_OK).catch(() => {
    throw codedError('PCRS_MACHINE', `${path}: the directory ${directory} is not writable for this user`);
  });
}

/**
 * Opens a database, made where it is missing (0600).
 *
 * Throws  PCRS_USAGE for a file that is no database; PCRS_MACHINE for what the machine refuses
 */
export async function openDatabase(path: string, options: OpenOptions = {}): Promise<LoadDatabase> {
  const { default: Sqlite } = await import('better-sqlite3');
  try {
    const isNew = !existsSync(path) || statSync(path).size === 0;
    if (isNew) closeSync(openSync(path, 'a', 0o600));
    const db = new Sqlite(path, { timeout: busyTimeoutMs });
    try {
      if (options.exclusive) db.pragma('locking_mode = EXCLUSIVE');
      if (isNew) db.pragma(`page_size = ${pageBytes}`);
      db.pragma(`cache_size = -${cacheKiB}`);
      // Spilling takes the file's exclusive lock in the middle of a transaction; ours are short, so they need not.
      db.pragma('cache_spill = OFF');
      db.pragma('temp_store = MEMORY');
      db.function('pcrs_merged', { deterministic: true }, mergedMembers);
      await patiently(path, options, () => db.pragma('schema_version'));
    } catch (error) {
      db.close();
      throw error;
    }
    return transactions(db, path, options);
  } catch (error) {
    throw machineError(error, path);
  }
}

function transactions(db: Database, path: string, options: OpenOptions): LoadDatabase {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    db,
    path,
    get busy() {
      return db.inTransaction;
    },
    begin: () => patiently(path, options, () => begin.run()),
    commit: () => patiently(path, options, () => commit.run()),
    rollback() {
      if (db.inTransaction) db.exec('ROLLBACK');
    },
    close: () => {
      db.close();
    },
  };
}

/** Does what may find the database locked, until it is free or the wait is over. */
async function patiently(
  path: string,
  { lockWaitMs = defaultLockWaitMs, signal }: OpenOptions,
  act: () => void,
): Promise<void> {
  const deadline = performance.now() + lockWaitMs;
  for (;;) {
    try {
      act();
      return;
    } catch (error) {
      if (!isLocked((error as { code?: string }).code)) throw databaseError(error, path);
      if (performance.now() > deadline) {
        const waited = `waited ${lockWaitMs / 1000} s`;
        const message = `${path} is locked by another program (${waited}); try again when that is done`;
        throw codedError('PCRS_MACHINE', message, { cause: error });
      }
    }
    signal?.throwIfAborted();
    await delay(50);
  }
}
