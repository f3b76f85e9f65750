import { counted } from 'pcrs-records/counted';
import type { Counts, JsonObject } from 'pcrs-records/kinds';
import { baseOf, scopeOf } from 'pcrs-records/scope';
import { fidelityOf, noteDifference } from 'pcrs-sink/fidelity';

import type { SinkReader, StreamEnd } from 'pcrs-sink/reader';
import { otherScope, warnOfStale, whyNothingIsStale } from 'pcrs-sink/stale';
import type { Committed } from './carrier.ts';
import type { Records } from './records.ts';

/** Problems and counts of the load. */
interface Met {
  records: Records;
  problems: SinkReader['problems'];
}

interface Log {
  warn(message: string): void;
  note(message: string): void;
}

/** Result of a load, as the record that the tool prints; without the server's counts if it could not be asked. */
export function loadedRecord(
  { complete, failure, verdicts }: StreamEnd,
  met: Met,
  committed?: Committed,
): JsonObject {
  const counts = committed?.counts;
  const of = (name: string) => counts?.filter((one) => one.name === name) ?? [];
  const sum = (name: string) =>
    of(name).length === 0 ? null : of(name).reduce((total, { value }) => total + value, 0);
  const starts = verdicts.at(-1)?.starts;
  const columns = counts?.filter(({ name }) => name.startsWith('column ')) ?? [];
  return {
    kind: 'loaded',
    database: null,
    runId: verdicts.at(-1)?.runId ?? null,
    complete: failure ? false : complete,
    ...(counts && {
      rows: Object.fromEntries(of('rows').map(({ tbl, value }) => [tbl, value])),
      stale: sum('stale'),
      hostsWithoutPosture: sum('withoutPosture'),
      addedColumns: columns.map(({ tbl, name }) => `${tbl}.${name.slice(7)}`),
    }),
    base: starts ? baseOf(starts) : null,
    ...(committed && { fullRunAt: committed.fullRunAt }),
    scope: starts ? scopeOf(starts) : null,
    ...fidelityOf(verdicts),
    problems: problemCounts(met, sum('differing') ?? 0),
  };
}

function problemCounts({ records, problems }: Met, differingDuplicates: number): Counts {
  const all: Counts = {
    ...problems.counts(),
    ...records.counts,
    policyErrors: records.policyErrors,
    differingDuplicates,
  };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
}

/** The same for stderr. */
export function report(
  { verdicts }: StreamEnd,
  { records, problems }: Met,
  committed: Committed | undefined,
  { log, prune }: { log?: Log | undefined; prune?: boolean },
): void {
  if (log === undefined) return;
  for (const line of problems.reports()) log.warn(line);
  noteDifference(verdicts, log);
  const { nulCharacters, loneSurrogates } = records.counts;
  if (nulCharacters > 0)
    log.warn(`replaced ${nulCharacters} U+0000 by U+FFFD, since PostgreSQL does not accept U+0000`);
  if (loneSurrogates > 0) log.warn(`replaced ${loneSurrogates} lone halves of surrogate pairs by U+FFFD`);
  if (records.policyErrors > 0) log.warn(`${counted(records.policyErrors, 'hostids record')} with an error`);
  const counts = committed?.counts ?? [];
  const isMixed = counts.some(({ name }) => name === 'mixed');
  const stale = counts.reduce((sum, { name, value }) => sum + (name === 'stale' ? value : 0), 0);
  warnOfStale(stale, whyNothingIsStale(verdicts, isMixed), prune, log);
  if (counts.some(({ name }) => name === 'becameMixed')) log.warn(otherScope);
  for (const { tbl, name, value } of counts) {
    if (name === 'touched' || name === 'pruned')
      log.note(
        `${tbl}: ${value} ${value === 1 ? 'row' : 'rows'} ${name === 'touched' ? 'new or changed' : name}`,
      );
  }
}
