import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';

/**
 * The database at a path: the file itself, or a folder's `latest.db` (`latest_NAME.db`).
 *
 * Throws  PCRS_USAGE if there is none
 */
export function databaseAt(path: string, name: string | undefined): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    if (name !== undefined)
      throw codedError('PCRS_USAGE', '--name works only with a folder; a database file has its own name');
    return path;
  }
  const latest = join(path, name === undefined ? 'latest.db' : `latest_${name}.db`);
  if (existsSync(latest)) return latest;
  throw codedError(
    'PCRS_USAGE',
    `${path} has no ${name === undefined ? 'latest.db' : `latest_${name}.db`}; name a database file, or pcrs-etl --out ${path} makes one`,
  );
}
