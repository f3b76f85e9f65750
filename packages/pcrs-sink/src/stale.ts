import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { madeBy, type Start } from 'pcrs-records/kinds';
import { baseOf, narrowings, narrowingText } from 'pcrs-records/scope';
import type { RunVerdict } from './judge.ts';

/** The stages whose records fill each table, from the listing on. */
const filledBy: Readonly<Record<string, readonly string[]>> = {
  [policyTable.name]: ['pcrs-policies'],
  [hostIdsTable.name]: ['pcrs-policies', 'pcrs-hostids'],
  [postureTable.name]: ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'],
  [controlsTable.name]: ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'],
};

/**
 * Why a stream does not prove that a row it did not name is gone from the gateway: its run is incomplete, was filtered,
 * asked only for changes, or has another scope than something else in the store; or there is not one run. Undefined if
 * it does prove it.
 *
 * Takes  isMixed  whether the store also holds records of another scope, or without a run
 */
export function whyNothingIsStale(verdicts: readonly RunVerdict[], isMixed: boolean): string | undefined {
  if (verdicts.length === 0) return 'the stream has no run';
  if (verdicts.length > 1) return 'the stream has several runs';
  for (const { complete, filtered, supplied, edited, starts } of verdicts) {
    if (!complete) return 'the run is incomplete';
    if (Object.keys(filtered).length > 0) return 'records were filtered';
    if (Object.keys(supplied).length > 0) return 'records were added';
    if (edited.length > 0) return 'records were edited';
    if (starts.some((start) => 'reduced' in start)) return 'the run has reduced records';
    if (baseOf(starts) !== 'full') return `the run was limited by ${datesOf(starts)}`;
  }
  if (isMixed)
    return 'the database also holds records of another scope or without a run (only a new one can be pruned)';
  return undefined;
}

/**
 * Warns of rows that a run proved to be gone and that are kept, or of a --prune that removed nothing.
 *
 * Takes  stale  null if the stream proves nothing, for the reason given
 */
export function warnOfStale(
  stale: number | null,
  why: string | undefined,
  prune: boolean | undefined,
  log: { warn(message: string): void },
): void {
  if (prune && why !== undefined)
    log.warn(`nothing pruned: ${why}, so rows missing from it may still be valid`);
  if (!prune && stale)
    log.warn(
      `${stale} ${stale === 1 ? 'row is' : 'rows are'} no longer at the gateway; --prune removes them`,
    );
}

/** The warning of a sink at the first load of another scope. */
export const otherScope =
  'this run has another scope than what was loaded before: from now on no row counts as stale, and --prune removes none';

function datesOf(starts: readonly Start[]): string {
  const dates = starts.flatMap((start) => narrowings(start).filter(({ isDate }) => isDate));
  return dates.map(narrowingText).join(', ');
}

/** Whether a run lost records in the pipe, or got some from outside: supplied records can hide as many lost ones. */
export function isFilteredOrSupplied({ filtered, supplied, starts }: RunVerdict): boolean {
  if (Object.keys(filtered).length + Object.keys(supplied).length > 0) return true;
  return !Object.keys(madeBy).every((stage) =>
    starts.some((start) => start.stage === stage || isSource(start)),
  );
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
function isSource({ stage }: Start): boolean {
  return stage.startsWith('pcrs-from-');
}
