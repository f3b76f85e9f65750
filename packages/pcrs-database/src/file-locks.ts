import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { uniqueName } from 'pcrs-machine/process-alive';
import { codedError } from 'pcrs-records/errors';

/**
 * Distinguishes a locked database from a file system without locks.
 *
 * SQLite reports "busy" also if the system has no locks (ENOLCK, as on some network volumes).
 *
 * Throws  PCRS_MACHINE for the latter
 */
export async function requireFileLocks(path: string): Promise<void> {
  if (await hasFileLocks(path)) return;
  throw codedError(
    'PCRS_MACHINE',
    `${path}: the file system does not support file locks, which a database needs; put it on a local disk`,
  );
}

/** Tries a new database next to it: if that is busy too, nobody else is the reason. True if it cannot be tried. */
async function hasFileLocks(path: string): Promise<boolean> {
  const { default: Sqlite } = await import('better-sqlite3');
  const probe = join(dirname(path), `.probe-${uniqueName()}.db`);
  try {
    const db = new Sqlite(probe, { timeout: 0 });
    try {
      db.exec('BEGIN IMMEDIATE; ROLLBACK');
      return true;
    } finally {
      db.close();
    }
  } catch (error) {
    return !(error as { code?: string }).code?.startsWith('SQLITE_BUSY');
  } finally {
    rmSync(probe, { force: true });
  }
}
