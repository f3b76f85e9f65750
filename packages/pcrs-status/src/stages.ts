import type { StageNote } from 'pcrs-database/snapshot-status';
import type { Counts, MissingSlice, SliceCounts } from 'pcrs-records/kinds';
import { narrowings, narrowingText } from 'pcrs-records/scope';

/** A stage of the run, from its own records. */
export interface StageStatus {
  stage: string;
  /** Null if it broke off. */
  ok: boolean | null;
  status: number | null;
  startedAt: string | null;
  endedAt: string | null;
  in: Counts;
  out: Counts;
  requests: number | null;
  retries: number | null;
  warnings: number | null;
  error: string | null;
  /** The flags that narrowed it, as written. */
  narrowedBy: string[];
}

export function stageStatus({ stage, start, end }: StageNote): StageStatus {
  return {
    stage,
    ok: end?.ok ?? null,
    status: end?.status ?? null,
    startedAt: start?.startedAt ?? null,
    endedAt: end?.endedAt ?? null,
    in: end?.in ?? {},
    out: end?.out ?? {},
    requests: end?.requests ?? null,
    retries: end?.retries ?? null,
    warnings: end?.warnings ?? null,
    error: end?.error?.message ?? null,
    narrowedBy: start === undefined ? [] : narrowings(start).map(narrowingText),
  };
}

/** Number of slices of each kind; null if no posture stage ended. */
export function sliceCounts(stages: readonly StageNote[]): Omit<SliceCounts, 'missing'> | null {
  const [first, ...others] = slicesOf(stages);
  if (first === undefined) return null;
  const { missing: _missing, ...counts } = first;
  for (const slices of others) {
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += slices[name] ?? 0;
  }
  return counts;
}

/** What posture could not get: at most 1000 slices of a stage are listed. */
export function missingSlices(stages: readonly StageNote[]): MissingSlice[] {
  return slicesOf(stages).flatMap(({ missing }) => missing ?? []);
}

function slicesOf(stages: readonly StageNote[]): SliceCounts[] {
  return stages.flatMap(({ end }) => end?.slices ?? []);
}
