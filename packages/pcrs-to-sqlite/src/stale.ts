import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { narrowings } from 'pcrs-records/scope';
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
 * incomplete, was filtered on the way, or a stage asked for less than all. Undefined where they do prove it.
 */
export function whyNothingIsStale(verdicts: readonly RunVerdict[]): string | undefined {
  if (verdicts.length === 0) return 'the stream is no run';
  for (const { complete, filtered, starts } of verdicts) {
    if (!complete) return 'the run is incomplete';
    if (Object.keys(filtered).length > 0) return 'records were filtered on the way';
    const [narrowed] = starts.flatMap((start) => narrowings(start));
    if (narrowed) return `${narrowed.stage} ran with --${narrowed.flag}`;
  }
  return undefined;
}

/** Whether the runs had every stage that it takes to see all rows of a table. */
export function sawWholeTable(table: string, verdicts: readonly RunVerdict[]): boolean {
  return verdicts.every(({ starts }) =>
    (filledBy[table] ?? []).every((stage) => starts.some((start) => start.stage === stage)),
  );
}
