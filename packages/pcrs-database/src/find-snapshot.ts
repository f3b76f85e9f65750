import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import { latestName, snapshotName, stampsIn } from './snapshot-names.ts';

/** The database to read, and the snapshots next to it. */
export interface Found {
  database: string;
  /** Incomplete snapshots that began later, newest first. */
  newerIncomplete: string[];
}

/**
 * Finds a path's snapshot: the database itself, or the latest one in a directory.
 *
 * Takes   name  of the snapshots, if a directory holds several series
 * Throws  PCRS_INCOMPLETE if there is none; PCRS_USAGE for a name with a database
 */
export function findSnapshot(path: string, name: string | undefined): Found {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw codedError('PCRS_INCOMPLETE', `${path} does not exist`);
  if (stat.isDirectory()) return inDirectory(path, name);
  if (name !== undefined) {
    throw codedError('PCRS_USAGE', '--name works only with a directory; a database file has its own name');
  }
  return { database: path, newerIncomplete: [] };
}

/** Older snapshots of the same series next to a snapshot, newest first; none for a database with another name. */
export function snapshotsBefore(database: string): string[] {
  const real = realpathSync(database);
  const own = /^pcrs_(?:(.+)_)?(\d{8}T\d{6}Z)\.db$/.exec(basename(real));
  if (own === null) return [];
  const [, name, stamp] = own as unknown as [string, string | undefined, string];
  const directory = dirname(real);
  return stampsIn(namesIn(directory), name)
    .filter((other) => other < stamp)
    .map((other) => join(directory, snapshotName(other, name)));
}

function inDirectory(directory: string, name: string | undefined): Found {
  const names = namesIn(directory);
  const pathOf = (stamp: string, state?: 'incomplete') => join(directory, snapshotName(stamp, name, state));
  const incomplete = stampsIn(names, name, 'incomplete');
  const link = join(directory, latestName(name));
  const [newest] = stampsIn(names, name);
  // A link may have stayed behind when the files were moved.
  const database = existsSync(link) ? link : newest && pathOf(newest);
  if (database === undefined) {
    const [attempt] = incomplete;
    if (attempt === undefined) throw nothingIn(directory, name, names);
    return { database: pathOf(attempt, 'incomplete'), newerIncomplete: [] };
  }
  const stamp = stampOfFile(database) ?? newest ?? '';
  const newer = incomplete.filter((other) => other > stamp);
  return { database, newerIncomplete: newer.map((other) => pathOf(other, 'incomplete')) };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw codedError('PCRS_MACHINE', `${directory}: ${(error as Error).message}`);
  }
}

/** Stamp of the file that a link points to; undefined for a copy. */
function stampOfFile(link: string): string | undefined {
  return /_(\d{8}T\d{6}Z)\.db$/.exec(basename(realpathSync(link)))?.[1];
}

function nothingIn(directory: string, name: string | undefined, names: readonly string[]): Error {
  const others = names.flatMap((file) => /^latest_(.+)\.db$/.exec(file)?.[1] ?? []).sort();
  const next =
    others.length > 0
      ? `there are snapshots with other names: --name ${others.join(', --name ')}`
      : `pcrs-etl --out ${directory} makes one`;
  const what = name === undefined ? 'no snapshot' : `no snapshot named ${name}`;
  return codedError('PCRS_INCOMPLETE', `${directory}: ${what}; ${next}`);
}
