import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { flawOfSnapshot } from 'pcrs-database/proof';
import type { RunFolder } from './run-folder.ts';
import type { Series } from './series.ts';

/** Smaller snapshots are always read through, which takes seconds: about 1 GB/s from memory. */
const alwaysReadBelowBytes = 2 * 1024 ** 3;

/**
 * Reason not to build on a complete run's snapshot: it is gone, damaged, or not what the run left there.
 *
 * Takes  afterKill  the last start was killed: read even a large one through
 */
export async function flawOfBase(
  series: Series,
  { plan, made }: RunFolder,
  afterKill: boolean,
): Promise<string | undefined> {
  const path = series.snapshot(plan.stamp);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return `${basename(path)}, the snapshot of the last complete run, is missing`;
  const rows = made?.find(({ kind }) => kind === 'loaded')?.['rows'];
  return flawOfSnapshot(path, {
    runId: plan.session.runId,
    rows: rows as Record<string, number> | undefined,
    readThrough: afterKill || size < alwaysReadBelowBytes,
  });
}
