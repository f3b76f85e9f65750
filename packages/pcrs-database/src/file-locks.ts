import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { uniqueName } from 'pcrs-machine/process-alive';
import { codedError } from 'pcrs-records/errors';

/**
 * Tells a database that is locked from one on a file system without locks.
 *
 * SQLite says "busy" also where the system says that it has none (ENOLCK, as on some network volumes).
 *
 * Throws  PCRS_MACHINE for the latter
 */
export async function requireFileLocks(path: string): Promise<void> {
  if (await hasFileLocks(path)) return;
  throw codedError(
    'PCRS_MACHINE',
    `${path}: the file system has no file locks, which a database needs; put it on a local disk`,
  );
}

/** Tried on a new database beside it: if that is busy too, nobody else is the reason. True where it cannot be tried. */
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
