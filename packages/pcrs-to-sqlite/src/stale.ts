import type { ScopeNote } from 'pcrs-database/snapshot-status';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import type { Start } from 'pcrs-records/kinds';
import { baseOf, narrowings, narrowingText } from 'pcrs-records/scope';
import type { RunVerdict } from 'pcrs-sink/judge';

/** The stages whose records fill each table, from the listing on. */
const filledBy: Readonly<Record<string, readonly string[]>> = {
  [policyTable.name]: ['pcrs-policies'],
  [hostIdsTable.name]: ['pcrs-policies', 'pcrs-hostids'],
  [postureTable.name]: ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'],
  [controlsTable.name]: ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'],
};

/**
 * Why the runs of a stream do not prove that a row which they did not name is gone from the gateway: one is
 * incomplete, was filtered on the way, asked for changes only, or is of another scope than something else in the
 * database. Undefined if they do prove it.
 */
export function whyNothingIsStale(
  verdicts: readonly RunVerdict[],
  scope: ScopeNote | undefined,
): string | undefined {
  if (verdicts.length === 0) return 'the stream is no run';
  for (const { complete, filtered, edited, starts } of verdicts) {
    if (!complete) return 'the run is incomplete';
    if (Object.keys(filtered).length > 0) return 'records were filtered on the way';
    if (edited.length > 0) return 'records were edited on the way';
    if (starts.some((start) => 'reduced' in start)) return 'the run has reduced records';
    if (baseOf(starts) !== 'full') return `the run asked only for what ${datesOf(starts)} leaves`;
  }
  if (scope?.mixed) return 'the database also holds what a run of another scope, or no run, brought';
  return undefined;
}

function datesOf(starts: readonly Start[]): string {
  const dates = starts.flatMap((start) => narrowings(start).filter(({ isDate }) => isDate));
  return dates.map(narrowingText).join(', ');
}

/** Whether the runs had every stage that it takes to see all rows of a table, or came whole from a store. */
export function sawWholeTable(table: string, verdicts: readonly RunVerdict[]): boolean {
  return verdicts.every(({ starts }) =>
    (filledBy[table] ?? []).every((stage) =>
      starts.some((start) => start.stage === stage || isSource(start)),
    ),
  );
}

/** A store put back into the pipe has all kinds of records. */
export function isSource({ stage }: Start): boolean {
  return stage.startsWith('pcrs-from-');
}
