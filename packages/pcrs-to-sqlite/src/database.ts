import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Options } from 'better-sqlite3';
import { type CodedError, codedError } from 'pcrs-records/errors';
import { mergedMembers } from './unknown-members.ts';

/** Another program's lock is waited for so long. */
const lockWaitMs = 10_000;
/** One wait inside SQLite; it blocks the process, so it is short and repeated. */
const busyTimeoutMs = 100;
const cacheKiB = 24 * 1024;
/** Measured: rows of about 1 KB load as fast as with larger pages, and small files stay small. */
const pageBytes = 8192;

/** An open database with a transaction at a time. */
export interface LoadDatabase {
  readonly db: Database;
  readonly path: string;
  /** Whether a transaction is open. */
  readonly busy: boolean;
  begin(signal?: AbortSignal): Promise<void>;
  commit(signal?: AbortSignal): Promise<void>;
  rollback(): void;
  close(): void;
}

/**
 * Says early what would be wrong with a database later; makes nothing.
 *
 * Throws  PCRS_USAGE for a name that cannot be a database; PCRS_MACHINE where its directory cannot be written
 */
export async function checkPath(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) throw codedError('PCRS_USAGE', `${path} is a directory; give a file name`);
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
 * Takes   exclusive  keeps the file locked from the first read on: nobody else is to see it yet
 * Throws  PCRS_USAGE for a file that is no database; PCRS_MACHINE for what the machine refuses
 */
export async function openDatabase(
  path: string,
  options: { exclusive?: boolean } = {},
): Promise<LoadDatabase> {
  const { default: Sqlite } = await import('better-sqlite3');
  try {
    const isNew = !existsSync(path) || statSync(path).size === 0;
    if (isNew) closeSync(openSync(path, 'a', 0o600));
    const settings: Options = { timeout: busyTimeoutMs };
    const db = new Sqlite(path, settings);
    try {
      if (options.exclusive) db.pragma('locking_mode = EXCLUSIVE');
      if (isNew) db.pragma(`page_size = ${pageBytes}`);
      db.pragma(`cache_size = -${cacheKiB}`);
      // Spilling takes the file's exclusive lock in the middle of a transaction; ours are short, so they need not.
      db.pragma('cache_spill = OFF');
      db.function('pcrs_merged', { deterministic: true }, mergedMembers);
      await patiently(path, undefined, () => db.pragma('schema_version'));
    } catch (error) {
      db.close();
      throw error;
    }
    return transactions(db, path);
  } catch (error) {
    throw machineError(error, path);
  }
}

function transactions(db: Database, path: string): LoadDatabase {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    db,
    path,
    get busy() {
      return db.inTransaction;
    },
    begin: (signal) => patiently(path, signal, () => begin.run()),
    commit: (signal) => patiently(path, signal, () => commit.run()),
    rollback() {
      if (db.inTransaction) db.exec('ROLLBACK');
    },
    close: () => {
      db.close();
    },
  };
}

/** Does what may find the database locked, until it is free or the wait is over. */
async function patiently(path: string, signal: AbortSignal | undefined, act: () => void): Promise<void> {
  const deadline = performance.now() + lockWaitMs;
  for (;;) {
    try {
      act();
      return;
    } catch (error) {
      const locked = (error as { code?: string }).code?.startsWith('SQLITE_BUSY') ?? false;
      if (!locked || performance.now() > deadline) throw databaseError(error, path);
    }
    signal?.throwIfAborted();
    await delay(50);
  }
}

/** What went wrong in SQLite, in a sentence with a code of ours; any other error stays what it is. */
export function databaseError(error: unknown, path: string): CodedError {
  const { code = '' } = error as { code?: string };
  return code.startsWith('SQLITE_') ? machineError(error, path) : (error as CodedError);
}

/** The same for what went wrong in the file system. */
export function machineError(error: unknown, path: string): CodedError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('PCRS_')) return error as CodedError;
  const [ours, sentence] = sentenceFor(code, message);
  return codedError(ours, `${path} ${sentence}`, { cause: error });
}

function sentenceFor(code: string, message: string): ['PCRS_USAGE' | 'PCRS_MACHINE', string] {
  if (code === 'SQLITE_NOTADB') return ['PCRS_USAGE', 'is not a database; give a new file name'];
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return [
      'PCRS_MACHINE',
      `is locked by another program (waited ${lockWaitMs / 1000} s); try again when that is done`,
    ];
  }
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') {
    return ['PCRS_MACHINE', 'cannot grow, the disk is full; what was committed before stands'];
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return ['PCRS_MACHINE', `cannot be written by this user (${message})`];
  }
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return ['PCRS_MACHINE', `cannot be opened, or its journal cannot be made beside it (${message})`];
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return ['PCRS_MACHINE', `is damaged (${message}); restore it, or give a new file name`];
  }
  return ['PCRS_MACHINE', `failed: ${message}${code ? ` (${code})` : ''}`];
}
