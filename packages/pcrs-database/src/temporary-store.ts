import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';

/**
 * Where SQLite sorts: in files once its cache is full, so that an index over ten million rows takes no more memory
 * than one over a thousand; in memory if the machine has no folder for such files.
 *
 * Source  sqlite.org/tempfiles.html, section 5: the folders that SQLite tries
 */
export function temporaryStore(
  folders: readonly string[] = [tmpdir(), '/var/tmp', '/usr/tmp', '/tmp', '.'],
): 'FILE' | 'MEMORY' {
  return folders.some(isWritable) ? 'FILE' : 'MEMORY';
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
