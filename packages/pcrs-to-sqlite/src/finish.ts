import type { CodedError } from 'pcrs-records/errors';
import type { Counts, JsonObject } from 'pcrs-records/kinds';
import { failureOf, type SinkDemands } from 'pcrs-sink/demands';
import { filteredWords, type RunVerdict } from 'pcrs-sink/judge';
import type { Load } from './load.ts';
import { makeIndexes, makeViews } from './schema.ts';
import { sawWholeTable, whyNothingIsStale } from './stale.ts';

/** What a load did, as the record that the tool prints. */
export interface Loaded extends JsonObject {
  kind: 'loaded';
  /** The file as it was named; null where the run failed before there was anything to load. */
  database: string | null;
  /** Of the last run in the stream; null without one. */
  runId: string | null;
  /** Null without a run. */
  complete: boolean | null;
  /** Rows by table, as they are now. */
  rows: Counts;
  /** Rows that a complete, unfiltered, undated run did not name again; null where the stream does not prove it. */
  stale: number | null;
  /** Hosts that a policy resolved to and that have no posture. */
  hostsWithoutPosture: number;
  /** `table.column` of members that had no column before. */
  addedColumns: string[];
  /** Counted by name; see the README. */
  problems: Counts;
}

export interface FinishOptions extends SinkDemands {
  prune: boolean;
  log: { warn(message: string): void; note(message: string): void } | undefined;
}

/**
 * Ends a load whose stream was read to its end: judges it, writes the status, commits.
 *
 * Takes   failure  what made the stream unusable in the middle, if something did
 * Yields  the `loaded` record, and PCRS_INCOMPLETE where the stream is not whole
 */
export async function finishLoad(
  load: Load,
  options: FinishOptions,
  failure?: CodedError,
): Promise<{ loaded: Loaded; failure: CodedError | undefined }> {
  const verdicts = load.judge.verdicts();
  const incomplete = failure ?? failureOf({ verdicts, cutLine: load.cutLine, isEmpty: false }, options);
  await load.begin();
  makeIndexes(load.database.db);
  makeViews(load.database.db);
  const { stale, pruned } = await countStale(load, verdicts, options);
  const hostsWithoutPosture = countHostsWithoutPosture(load);
  for (const verdict of verdicts) load.notes.judge(verdict, hostsWithoutPosture);
  const loaded: Loaded = {
    kind: 'loaded',
    database: load.database.path,
    runId: verdicts.at(-1)?.runId ?? null,
    complete: incomplete ? false : verdicts.length === 0 ? null : true,
    rows: rowsByTable(load),
    stale,
    hostsWithoutPosture,
    addedColumns: load.records.writers.flatMap(({ table, added }) =>
      (added?.added ?? []).map((name) => `${table.name}.${name}`),
    ),
    problems: load.problems.counts(load.records),
  };
  for (const { table } of load.records.writers) {
    const state = incomplete ? 'END LOADING BATCH' : 'FINAL BATCH LOADED';
    load.status.table(table.name, state, loaded.rows[table.name] as number);
  }
  if (loaded.complete) load.status.allLoaded();
  const state = incomplete ? 'incomplete' : loaded.complete ? 'complete' : 'without a run';
  const { kind: _kind, database: _database, ...told } = loaded;
  await load.end(state, incomplete?.message, { ...told, pruned });
  report(load, verdicts, options);
  return { loaded, failure: incomplete };
}

/**
 * Ends a load that cannot go on. What came before stands: whole records are committed, and the status tells why it stopped.
 */
export async function stopLoad(load: Load, error: unknown): Promise<void> {
  const { code = '', message } = error as { code?: string; message: string };
  const state = code === 'PCRS_INTERRUPTED' ? 'interrupted' : 'failed';
  try {
    const aboutData = code === 'PCRS_RECORD' || code === 'PCRS_INTERRUPTED';
    if (!aboutData) load.database.rollback();
    await load.end(state, message);
  } catch {
    // The error that stopped the load is the one to tell; what is not committed goes.
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
  const why = whyNothingIsStale(verdicts);
  if (why !== undefined) {
    if (prune) log?.warn(`nothing pruned: ${why}, so rows that it did not name may still be true`);
    return { stale: null, pruned: 0 };
  }
  const whole = load.records.writers.filter(({ table }) => sawWholeTable(table.name, verdicts));
  const stale = whole.reduce((sum, writer) => sum + writer.stale, 0);
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
  const filtered = filteredWords(verdicts);
  if (filtered !== undefined) log.note(`filtered on the way: ${filtered}`);
  for (const { table, counts } of load.records.writers) {
    const { inserted, changed, unchanged } = counts;
    if (inserted + changed + unchanged === 0) continue;
    log.note(`${table.name}: ${inserted} rows new, ${changed} changed, ${unchanged} as before`);
  }
}
