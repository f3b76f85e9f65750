import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { snapshotName, stampsIn } from 'pcrs-database/snapshot-names';
import { readInput } from 'pcrs-machine/read-input';
import { codedError } from 'pcrs-records/errors';
import { stampOf } from 'pcrs-records/moments';

/** Two files to compare; `old` is undefined for a cursor's first use. */
export interface Which {
  old: string | undefined;
  new: string;
}

/** The run up to which changes were delivered; content of a cursor file. */
export interface Cursor {
  runId: string | null;
  startedAt: string;
}

/**
 * A folder's newest snapshot, and the one whose run began nearest to the given time before it.
 *
 * Throws  PCRS_EMPTY for a folder with fewer than two snapshots; PCRS_USAGE
 */
export function sinceIn(directory: string, name: string | undefined, sinceMs: number): Which {
  const [newest, ...older] = stampsOf(directory, name);
  if (newest === undefined || older.length === 0) throw tooFew(directory, newest === undefined ? 0 : 1);
  const moment = momentOf(newest) - sinceMs;
  const distance = (stamp: string) => Math.abs(momentOf(stamp) - moment);
  const nearest = older.reduce((best, stamp) => (distance(stamp) < distance(best) ? stamp : best));
  return {
    old: join(directory, snapshotName(nearest, name)),
    new: join(directory, snapshotName(newest, name)),
  };
}

/**
 * A folder's newest snapshot, and the one that a cursor file names.
 *
 * Throws  PCRS_EMPTY for a folder without a snapshot; PCRS_USAGE for an invalid cursor, or one whose snapshot is gone
 */
export async function cursorIn(
  directory: string,
  name: string | undefined,
  file: string,
  signal: AbortSignal,
): Promise<Which> {
  const [newest] = stampsOf(directory, name);
  if (newest === undefined) throw tooFew(directory, 0);
  const fresh = join(directory, snapshotName(newest, name));
  if (!existsSync(file)) return { old: undefined, new: fresh };
  const { startedAt } = await cursorOf(file, signal);
  const old = join(directory, snapshotName(stampOf(startedAt), name));
  if (existsSync(old)) return { old, new: fresh };
  throw codedError(
    'PCRS_USAGE',
    `${file}: the snapshot of its run (${startedAt}) is missing from ${directory}; give two databases, or remove ${file} to start over`,
  );
}

async function cursorOf(file: string, signal: AbortSignal): Promise<Cursor> {
  const { bytes } = await readInput(file, { signal, maxBytes: 1 << 20 });
  try {
    const cursor = JSON.parse(bytes.toString()) as Cursor;
    if (Number.isNaN(Date.parse(cursor.startedAt))) throw new Error('its startedAt is not a date');
    return cursor;
  } catch (error) {
    throw codedError('PCRS_USAGE', `${file} is not a cursor of pcrs-diff: ${(error as Error).message}`);
  }
}

/** Newest first. */
function stampsOf(directory: string, name: string | undefined): string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw codedError('PCRS_USAGE', `--since and --cursor need a folder of snapshots, got ${directory}`);
  return stampsIn(readdirSync(directory), name);
}

function momentOf(stamp: string): number {
  return Date.parse(stamp.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
}

function tooFew(directory: string, count: number): Error {
  const what = count === 0 ? 'no snapshot' : 'only one snapshot';
  return codedError('PCRS_EMPTY', `${directory}: ${what}; pcrs-etl --out ${directory} makes one`);
}
