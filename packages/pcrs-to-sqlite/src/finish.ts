import { counted } from 'pcrs-records/counted';
import { type CodedError, codedError } from 'pcrs-records/errors';
import type { Base, Counts, JsonObject, Scope } from 'pcrs-records/kinds';
import { baseOf, scopeOf } from 'pcrs-records/scope';
import type { SinkDemands } from 'pcrs-sink/demands';
import { type Fidelity, fidelityOf, noteDifference } from 'pcrs-sink/fidelity';
import type { RunVerdict } from 'pcrs-sink/judge';
import {
  isFilteredOrSupplied,
  otherScope,
  sawWholeTable,
  warnOfStale,
  whyNothingIsStale,
} from 'pcrs-sink/stale';
import type { Load } from './load.ts';
import type { Fate, Stand } from './place.ts';
import { makeIndexes, makeViews } from './schema.ts';
import type { Standing } from './standing.ts';

/** Result of a load, as the record that the tool prints. */
export interface Loaded extends JsonObject, Fidelity {
  kind: 'loaded';
  /** The file as named; null if the run failed before anything was loaded. */
  database: string | null;
  /** Of the last run in the stream; null without one. */
  runId: string | null;
  /** Null without a run. */
  complete: boolean | null;
  /** Rows by table, after the load. */
  rows: Counts;
  /** How much of its scope the last run asked for; null without a run. */
  base: Base | null;
  /** Start of the full run that the rows rest on: rows that vanished since then are still there. */
  fullRunAt: string | null;
  /** The flags that narrowed the last run; null without a run. */
  scope: Scope | null;
  /** Rows that a complete, full run of the database's scope did not name; null if the stream proves nothing. */
  stale: number | null;
  /** Hosts that a policy resolved to and that have no posture. */
  hostsWithoutPosture: number;
  /** `table.column` of members that got a new column. */
  addedColumns: string[];
  /** Counts by name; see the README. */
  problems: Counts;
}

export interface FinishOptions extends SinkDemands {
  prune: boolean;
  /** Decides whether a complete run is published in its series of snapshots. */
  stand?: Stand | undefined;
  log: { warn(message: string): void; note(message: string): void } | undefined;
}

/** Result of a load's end. */
interface Finished {
  loaded: Loaded;
  failure: CodedError | undefined;
  fate: Fate;
}

/**
 * Ends a load whose stream was read to its end: judges it, writes the status, commits.
 *
 * Takes   failure  the error that made the stream unusable midway, if any
 * Yields  the `loaded` record; PCRS_INCOMPLETE if the stream is not whole, PCRS_GATE if it shrank too much; and what
 *         happens to a snapshot
 */
export async function finishLoad(
  load: Load,
  options: FinishOptions,
  failure?: CodedError,
): Promise<Finished> {
  const verdicts = load.reader.judge.verdicts();
  const incomplete = failure ?? load.reader.end({ ...options, allowEmpty: true }).failure;
  await load.begin();
  load.records.flush();
  makeIndexes(load.database.db);
  makeViews(load.database.db);
  if (verdicts.length === 0) load.notes.scope.withoutRun();
  const { stale, pruned } = await countStale(load, verdicts, options);
  const hostsWithoutPosture = countHostsWithoutPosture(load);
  for (const verdict of verdicts) load.notes.judge(verdict, hostsWithoutPosture);
  const loaded: Loaded = {
    kind: 'loaded',
    database: load.database.path,
    runId: verdicts.at(-1)?.runId ?? null,
    complete: incomplete ? false : verdicts.length === 0 ? null : true,
    rows: rowsByTable(load),
    ...restOf(load, verdicts, incomplete === undefined),
    stale,
    hostsWithoutPosture,
    addedColumns: load.records.writers.flatMap(({ table, added }) =>
      (added?.added ?? []).map((name) => `${table.name}.${name}`),
    ),
    ...fidelityOf(verdicts),
    problems: load.problems.counts(load.records),
  };
  for (const { table } of load.records.writers) {
    const state = incomplete ? 'END LOADING BATCH' : 'FINAL BATCH LOADED';
    load.status.table(table.name, state, loaded.rows[table.name] as number);
  }
  const standing = loaded.complete ? await settle(load, verdicts, loaded, options) : undefined;
  if (loaded.complete) load.status.allLoaded();
  const state = incomplete ? 'incomplete' : loaded.complete ? 'complete' : 'without a run';
  const { kind: _kind, database: _database, ...told } = loaded;
  await load.end(state, incomplete?.message, { ...told, pruned });
  report(load, verdicts, options);
  if (standing?.message !== undefined && standing.fate !== 'shrunk') options.log?.warn(standing.message);
  const fate = incomplete ? 'incomplete' : (standing?.fate ?? 'latest');
  const shrunk = fate === 'shrunk' ? codedError('PCRS_GATE', String(standing?.message)) : undefined;
  return { loaded, failure: shrunk ?? incomplete, fate };
}

/** Scope and base of a run, and what its rows rest on. */
function restOf(
  { before, notes }: Load,
  verdicts: readonly RunVerdict[],
  isComplete: boolean,
): Pick<Loaded, 'base' | 'fullRunAt' | 'scope'> {
  const last = verdicts.at(-1);
  if (last === undefined) return { base: null, fullRunAt: null, scope: null };
  const base = baseOf(last.starts);
  const full = isComplete && base === 'full' ? (last.session?.startedAt ?? null) : null;
  const rested = isComplete && base === 'delta' && !notes.scope.note?.mixed ? before.load?.fullRunAt : null;
  return { base, fullRunAt: full ?? rested ?? null, scope: scopeOf(last.starts) };
}

/** Decides whether a complete run is published, and what its series accepts from now on. */
async function settle(
  { before, database, notes }: Load,
  verdicts: readonly RunVerdict[],
  { base, fullRunAt }: Loaded,
  { stand }: FinishOptions,
): Promise<Standing | undefined> {
  const { session, starts } = verdicts.at(-1) as RunVerdict;
  const isFiltered = verdicts.some(isFilteredOrSupplied);
  const scope = notes.scope.note;
  if (scope === undefined || session === undefined || base === null) return undefined;
  const candidate = { session, starts, base, fullRunAt, scope, isFiltered };
  const standing = await stand?.(candidate, database.db);
  if (standing) notes.scope.settle(standing.beganFiltered);
  else if (before.scope === undefined) notes.scope.settle(isFiltered);
  return standing;
}

/**
 * Stops a load that cannot continue. Earlier records stand: whole records are committed, and the status says why it
 * stopped.
 */
export async function stopLoad(load: Load, error: unknown): Promise<void> {
  const { code = '', message } = error as { code?: string; message: string };
  const state = code === 'PCRS_INTERRUPTED' ? 'interrupted' : 'failed';
  try {
    const aboutData = code === 'PCRS_RECORD' || code === 'PCRS_INTERRUPTED';
    if (!aboutData) load.database.rollback();
    await load.end(state, message);
  } catch {
    // The error that stopped the load is the one to report; uncommitted rows are lost.
  }
  try {
    load.database.rollback();
  } catch {
    // Closing the file rolls back as well.
  }
}

async function countStale(
  load: Load,
  verdicts: readonly RunVerdict[],
  { prune, log }: FinishOptions,
): Promise<{ stale: number | null; pruned: number }> {
  const why = whyNothingIsStale(verdicts, load.notes.scope.note?.mixed === true);
  const whole = load.records.writers.filter(({ table }) => sawWholeTable(table.name, verdicts));
  const stale = why === undefined ? whole.reduce((sum, writer) => sum + writer.stale, 0) : null;
  if (log) warnOfStale(stale, why, prune, log);
  if (load.notes.scope.becameMixed && verdicts.length > 0) log?.warn(otherScope);
  if (stale === null) return { stale, pruned: 0 };
  const pruned = prune ? await load.prune(new Set(whole.map(({ table }) => table.name))) : 0;
  await load.begin();
  return { stale, pruned };
}

function countHostsWithoutPosture(load: Load): number {
  const count = load.database.db.prepare('SELECT count(*) FROM v_pcrs_hosts_without_posture').pluck();
  return count.get() as number;
}

function rowsByTable({ database, records }: Load): Counts {
  const count = (name: string) => database.db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number;
  return Object.fromEntries(records.writers.map(({ table: { name } }) => [name, count(name)]));
}

function report(load: Load, verdicts: readonly RunVerdict[], { log }: FinishOptions): void {
  if (log === undefined) return;
  for (const line of load.problems.reports(load.records)) log.warn(line);
  noteDifference(verdicts, log);
  for (const { table, counts } of load.records.writers) {
    const { inserted, changed, unchanged } = counts;
    if (inserted + changed + unchanged === 0) continue;
    log.note(`${table.name}: ${counted(inserted, 'row')} new, ${changed} changed, ${unchanged} unchanged`);
  }
}
