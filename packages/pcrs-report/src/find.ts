import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codedError } from 'pcrs-records/errors';

const stamped = /^pcrs_((?:.+_)?)(\d{8}T\d{6}Z)\.db$/;

/**
 * The database that a path means: itself, or the `latest.db` of a folder.
 *
 * Throws  PCRS_INCOMPLETE for a folder without one; PCRS_USAGE for a path without a file
 */
export function databaseAt(path: string, name: string | undefined): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw codedError('PCRS_USAGE', `there is no file ${path}`);
  if (!stat.isDirectory()) return path;
  const latest = join(path, name === undefined ? 'latest.db' : `latest_${name}.db`);
  if (existsSync(latest)) return latest;
  throw codedError(
    'PCRS_INCOMPLETE',
    `${path}: there is no ${basename(latest)}; pcrs-etl --out ${path} makes one`,
  );
}

/**
 * The snapshots beside a snapshot, of its own series and older, the newest first; none for a database of another name.
 */
export function snapshotsBefore(database: string): string[] {
  const real = realpathSync(database);
  const own = stamped.exec(basename(real));
  if (own === null) return [];
  const [, series, stamp] = own;
  const folder = dirname(real);
  return readdirSync(folder)
    .flatMap((file) => {
      const found = stamped.exec(file);
      return found !== null && found[1] === series && found[2]! < stamp! ? [file] : [];
    })
    .sort()
    .reverse()
    .map((file) => join(folder, file));
}
