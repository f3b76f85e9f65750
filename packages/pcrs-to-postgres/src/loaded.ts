import type { Counts, JsonObject } from 'pcrs-records/kinds';
import { baseOf, scopeOf } from 'pcrs-records/scope';
import { differenceWords, fidelityOf } from 'pcrs-sink/fidelity';

import type { SinkReader, StreamEnd } from 'pcrs-sink/reader';
import type { CountedHere } from './carrier.ts';
import type { Records } from './records.ts';

/** What was met on the way. */
export interface Met {
  records: Records;
  problems: SinkReader['problems'];
}

/** What a load did, as the record that the tool prints; without what the server counted if nobody could ask it. */
export function loadedRecord(
  { complete, failure, verdicts }: StreamEnd,
  met: Met,
  counted?: readonly CountedHere[],
): JsonObject {
  const of = (name: string) => counted?.filter((one) => one.name === name) ?? [];
  const sum = (name: string) =>
    of(name).length === 0 ? null : of(name).reduce((total, { value }) => total + value, 0);
  const starts = verdicts.flatMap((verdict) => verdict.starts);
  const columns = counted?.filter(({ name }) => name.startsWith('column ')) ?? [];
  return {
    kind: 'loaded',
    database: null,
    runId: verdicts.at(-1)?.runId ?? null,
    complete: failure ? false : complete,
    ...(counted && {
      rows: Object.fromEntries(of('rows').map(({ tbl, value }) => [tbl, value])),
      stale: sum('stale'),
      hostsWithoutPosture: sum('withoutPosture'),
      addedColumns: columns.map(({ tbl, name }) => `${tbl}.${name.slice(7)}`),
    }),
    base: verdicts.length === 0 ? null : baseOf(starts),
    scope: scopeOf(starts),
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
  counted: readonly CountedHere[],
  log: { warn(message: string): void; note(message: string): void },
): void {
  for (const line of problems.reports()) log.warn(line);
  const difference = differenceWords(verdicts);
  if (difference !== undefined) log.note(`what came is not what was made: ${difference}`);
  const { nulCharacters, loneSurrogates } = records.counts;
  if (nulCharacters > 0)
    log.warn(`characters U+0000, which PostgreSQL does not take, now U+FFFD: ${nulCharacters}`);
  if (loneSurrogates > 0) log.warn(`halves of surrogate pairs, now U+FFFD: ${loneSurrogates}`);
  if (records.policyErrors > 0) log.warn(`hostids records with an error: ${records.policyErrors}`);
  for (const { tbl, name, value } of counted) {
    if (name === 'touched' || name === 'pruned')
      log.note(`${tbl}: ${value} rows ${name === 'touched' ? 'new or changed' : name}`);
  }
}
