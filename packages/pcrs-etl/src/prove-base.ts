import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { flawOfSnapshot } from 'pcrs-database/proof';
import type { RunFolder } from './run-folder.ts';
import type { Series } from './series.ts';

/** A smaller snapshot is read through in seconds: about 1 GB/s where it lies in memory. */
const alwaysReadBelowBytes = 2 * 1024 ** 3;

/**
 * Why the snapshot of a complete run cannot be built on: it is gone, damaged, or not what the run left there.
 *
 * Takes  afterKill  the last start was killed: then even a large one is read through
 */
export async function flawOfBase(
  series: Series,
  { plan, made }: RunFolder,
  afterKill: boolean,
): Promise<string | undefined> {
  const path = series.snapshot(plan.stamp);
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return `${basename(path)}, the snapshot of the last complete run, is not there`;
  const rows = made?.find(({ kind }) => kind === 'loaded')?.['rows'];
  return flawOfSnapshot(path, {
    runId: plan.session.runId,
    rows: rows as Record<string, number> | undefined,
    readThrough: afterKill || size < alwaysReadBelowBytes,
  });
}
