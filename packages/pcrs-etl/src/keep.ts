import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { snapshotName } from './parts.ts';
import { runFolders } from './run-folder.ts';

/**
 * Removes the runs before the newest `count` complete ones: snapshot, archive and CSV files.
 *
 * Yields  how many runs went
 */
export async function keepNewest(out: string, name: string | undefined, count: number): Promise<number> {
  const folders = await runFolders(out);
  const oldestKept = folders.filter(({ finished }) => finished).at(count - 1);
  if (oldestKept === undefined) return 0;
  const old = folders.filter(({ plan }) => plan.stamp < oldestKept.plan.stamp);
  const there = new Set(await readdir(out));
  for (const { path, plan } of old) {
    const snapshot = snapshotName(plan.stamp, name);
    const files = [snapshot, snapshot.replace(/\.db$/, '.incomplete.db'), csvFolder(plan.stamp)];
    for (const file of files.filter((one) => there.has(one))) await rm(join(out, file), { recursive: true });
    await rm(path, { recursive: true });
  }
  return old.length;
}

/** Where the CSV files of a run go. */
export function csvFolder(stamp: string): string {
  return `csv_${stamp}`;
}
