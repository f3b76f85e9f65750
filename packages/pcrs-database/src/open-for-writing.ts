import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { specialKind } from 'pcrs-machine/file';
import { fileMode, letGroupRead } from 'pcrs-machine/modes';
import { codedError } from 'pcrs-records/errors';
import { isLocked, machineError } from './database-error.ts';
import { requireFileLocks } from './file-locks.ts';
import { busyTimeoutMs, type Patience, patiently } from './patience.ts';
import { temporaryStore } from './temporary-store.ts';

const cacheKiB = 12 * 1024;
/** Measured: rows of about 1 KB load as fast as with larger pages, and small files stay small. */
const pageBytes = 8192;

/** A database being written, one transaction at a time. */
export interface WriteDatabase {
  readonly db: Database;
  readonly path: string;
  /** Whether a transaction is open. */
  readonly busy: boolean;
  /** Both wait for other programs, and throw PCRS_MACHINE if these take too long. */
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): void;
  close(): void;
}

export interface WriteOptions extends Patience {
  /** Lock the file from the first read on: nobody else should see it yet. */
  exclusive?: boolean;
  /** A new file is 0640, not 0600. */
  groupReadable?: boolean | undefined;
}

/**
 * Finds early what would later be wrong with a database; makes nothing.
 *
 * Throws  PCRS_USAGE for a name that cannot be a database; PCRS_MACHINE if its directory is not writable
 */
export async function checkPath(path: string): Promise<void> {
  if (path === '' || path === '-' || path === ':memory:') {
    throw codedError('PCRS_USAGE', `${JSON.stringify(path)} is not a database file; give a file name`);
  }
  // A named pipe would block SQLite for ever, and it ignores signals.
  const stats = statSync(path, { throwIfNoEntry: false });
  const kind = stats && specialKind(stats);
  if (kind) throw codedError('PCRS_USAGE', `${path} is a ${kind}; give a file name`);
  const directory = dirname(path);
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw codedError('PCRS_USAGE', `${path}: the directory ${directory} does not exist; create it first`);
  }
  // SQLite puts its journal next to the file, so the directory must always be writable.
  await access(directory, constants.W_OK).catch(() => {
    throw codedError('PCRS_MACHINE', `${path}: the directory ${directory} is not writable for this user`);
  });
}

/**
 * Opens a database for writing, made if missing (0600, or as `letGroupRead` says).
 *
 * Throws  PCRS_USAGE for a file that is not a database; PCRS_MACHINE if the machine refuses
 */
export async function openForWriting(path: string, options: WriteOptions = {}): Promise<WriteDatabase> {
  const { default: Sqlite } = await import('better-sqlite3');
  if (options.groupReadable) letGroupRead();
  try {
    const isNew = !existsSync(path) || statSync(path).size === 0;
    if (isNew) closeSync(openSync(path, 'a', fileMode()));
    const db = new Sqlite(path, { timeout: busyTimeoutMs });
    try {
      if (options.exclusive) db.pragma('locking_mode = EXCLUSIVE');
      if (isNew) db.pragma(`page_size = ${pageBytes}`);
      db.pragma(`cache_size = -${cacheKiB}`);
      spill(db, false);
      db.pragma(`temp_store = ${temporaryStore()}`);
      await patiently(path, 'writing', options, () => db.pragma('schema_version'));
    } catch (error) {
      db.close();
      throw error;
    }
    return transactions(db, path, options);
  } catch (error) {
    if (isLocked((error as { code?: string }).code)) await requireFileLocks(path);
    throw machineError(error, path);
  }
}

/** More pages than a database can have. */
const neverPages = 2 ** 31 - 1;

/**
 * Whether pages that do not fit in the cache are written before the commit. That takes the exclusive lock in
 * mid-transaction, and most of our transactions are short and need not do so.
 */
export function spill(db: Database, isAllowed: boolean): void {
  // By number: ON and OFF do nothing inside a transaction.
  db.pragma(`cache_spill = ${isAllowed ? 1 : neverPages}`);
}

function transactions(db: Database, path: string, options: WriteOptions): WriteDatabase {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    db,
    path,
    get busy() {
      return db.inTransaction;
    },
    begin: async () => {
      await patiently(path, 'writing', options, () => begin.run());
    },
    commit: async () => {
      await patiently(path, 'writing', options, () => commit.run());
    },
    rollback() {
      if (db.inTransaction) db.exec('ROLLBACK');
    },
    close: () => {
      db.close();
    },
  };
}

/**
 * A handle on an existing file, for a short read or write.
 *
 * Takes   readonly  read only; does not wait for locks
 * Throws  SQLite's own errors
 */
export async function openHandle(path: string, readonly: boolean): Promise<Database> {
  const { default: Sqlite } = await import('better-sqlite3');
  return new Sqlite(path, { timeout: 0, fileMustExist: true, readonly });
}
