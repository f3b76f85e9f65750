import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { codedError } from 'pcrs-records/errors';

/** The database to look at, and what lies beside it. */
export interface Found {
  database: string;
  /** Snapshots begun later that are not complete, the newest first. */
  newerIncomplete: string[];
}

/**
 * Finds the snapshot that a path means: the database itself, or the latest one in a directory.
 *
 * Takes   name  of the snapshots, where several are kept in a directory
 * Throws  PCRS_EMPTY where there is none; PCRS_USAGE for a name beside a database
 */
export function findSnapshot(path: string, name: string | undefined): Found {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw codedError('PCRS_EMPTY', `there is nothing at ${path}`);
  if (stat.isDirectory()) return inDirectory(path, name);
  if (name !== undefined) {
    throw codedError('PCRS_USAGE', '--name goes with a directory; a database file has its own name');
  }
  return { database: path, newerIncomplete: [] };
}

function inDirectory(directory: string, name: string | undefined): Found {
  const names = namesIn(directory);
  const complete = stamped(names, name, '.db');
  const incomplete = stamped(names, name, '.incomplete.db');
  const link = join(directory, name === undefined ? 'latest.db' : `latest_${name}.db`);
  // A link may have been left behind when the files were moved.
  const latest = existsSync(link) ? { path: link, stamp: stampOf(link) } : undefined;
  const newest = complete[0] && { path: join(directory, complete[0].name), stamp: complete[0].stamp };
  const [chosen] = [latest, newest].filter((one) => one !== undefined);
  if (chosen === undefined) {
    const [database] = incomplete.map((one) => join(directory, one.name));
    if (database === undefined) throw nothingIn(directory, name, names);
    return { database, newerIncomplete: [] };
  }
  const newer = incomplete.filter(({ stamp }) => stamp > (chosen.stamp ?? newest?.stamp ?? ''));
  return { database: chosen.path, newerIncomplete: newer.map((one) => join(directory, one.name)) };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw codedError('PCRS_MACHINE', `${directory}: ${(error as Error).message}`);
  }
}

/** Snapshots by the start of their run, the newest first. */
function stamped(names: readonly string[], name: string | undefined, ending: string) {
  const head = name === undefined ? 'pcrs_' : `pcrs_${name}_`;
  return names
    .filter((file) => file.startsWith(head) && file.endsWith(ending))
    .map((file) => ({ name: file, stamp: file.slice(head.length, -ending.length) }))
    .filter(({ stamp }) => /^\d{8}T\d{6}Z$/.test(stamp))
    .sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
}

/** Of the file that a link leads to; undefined where that is a copy. */
function stampOf(link: string): string | undefined {
  return /_(\d{8}T\d{6}Z)\.db$/.exec(basename(realpathSync(link)))?.[1];
}

function nothingIn(directory: string, name: string | undefined, names: readonly string[]): Error {
  const others = names.flatMap((file) => /^latest_(.+)\.db$/.exec(file)?.[1] ?? []).sort();
  const next =
    others.length > 0
      ? `there are snapshots of other names: --name ${others.join(', --name ')}`
      : `pcrs-etl --out ${directory} makes one`;
  const what = name === undefined ? 'no snapshot' : `no snapshot of the name ${name}`;
  return codedError('PCRS_EMPTY', `${directory}: ${what}; ${next}`);
}
