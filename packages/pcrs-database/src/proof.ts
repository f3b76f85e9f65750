import { basename } from 'node:path';
import type { Counts } from 'pcrs-records/kinds';
import { openForReading, type ReadDatabase } from './open.ts';
import { readSnapshotStatus } from './snapshot-status.ts';
import { sqlName } from './sql.ts';

/** What to check in a snapshot. */
export interface Expected {
  runId: string;
  /** Rows by table; default: what its own last load recorded. */
  rows: Counts | undefined;
  /** Read every page, instead of only counting. */
  readThrough: boolean;
}

/**
 * Why a snapshot differs from what its complete run left; undefined if it does not. Worded so that `, so …` can
 * follow.
 */
export async function flawOfSnapshot(path: string, expected: Expected): Promise<string | undefined> {
  const name = basename(path);
  try {
    const database = await openForReading(path);
    try {
      const flaw = await flawIn(database, expected);
      return flaw && `${name} ${flaw}`;
    } finally {
      database.close();
    }
  } catch (error) {
    return `${name} cannot be read (${(error as Error).message})`;
  }
}

async function flawIn(database: ReadDatabase, expected: Expected): Promise<string | undefined> {
  const { load } = await readSnapshotStatus(database);
  if (load?.state !== 'complete' || load.runId !== expected.runId)
    return 'is not the snapshot of the last complete run';
  if (expected.readThrough) {
    const [first] = await database.read(
      () => database.db.pragma('quick_check(1)') as { quick_check: string }[],
    );
    if (first?.quick_check !== 'ok') return `is damaged (${first?.quick_check.split('\n')[0]})`;
  }
  for (const [table, due] of Object.entries(expected.rows ?? load.rows ?? {})) {
    const found = await database.read(() => countOf(database, table));
    if (found !== due) return `has ${found} rows in ${table}, but its run loaded ${due}`;
  }
  return undefined;
}

function countOf({ db }: ReadDatabase, table: string): number {
  return db
    .prepare(`SELECT count(*) FROM ${sqlName(table)}`)
    .pluck()
    .get() as number;
}
