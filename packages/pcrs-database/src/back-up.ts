import { closeSync, openSync, rmSync } from 'node:fs';
import { renameFile, syncFile } from 'pcrs-machine/file';
import { fileMode } from 'pcrs-machine/modes';
import { uniqueName } from 'pcrs-machine/process-alive';
import { machineError } from './database-error.ts';
import type { Database } from './open.ts';

/**
 * Copies a database to `PATH.bak`, replacing an older copy.
 *
 * Takes   db  outside a transaction
 * Yields  the path of the copy
 * Throws  PCRS_MACHINE; an older copy is then unchanged
 */
export function backUp(db: Database, path: string): string {
  const copy = `${path}.bak`;
  const draft = `${copy}.${uniqueName()}`;
  try {
    // Empty at first, so that others cannot read it while it is being filled.
    closeSync(openSync(draft, 'wx', fileMode()));
    db.prepare('VACUUM INTO ?').run(draft);
    syncFile(draft);
    renameFile(draft, copy);
    return copy;
  } catch (error) {
    throw machineError(error, copy);
  } finally {
    rmSync(draft, { force: true });
  }
}
