import { existsSync } from 'node:fs';
import { counted } from 'pcrs-records/counted';
import {
  type Base,
  type Counts,
  type End,
  type JsonObject,
  parsedObject,
  type Scope,
  type Start,
} from 'pcrs-records/kinds';
import { baseOf, scopeOf } from 'pcrs-records/scope';
import { type Database, openForReading, type ReadDatabase } from './open.ts';

/** What a database holds, and what alone may be loaded into its series: the row `SCOPE`. */
export interface ScopeNote {
  gateway: string | null;
  /** Scope of its first run. */
  flags: Scope;
  /** A filter in the pipe dropped records of its first run. */
  beganFiltered: boolean;
  /**
   * Something of another scope, or without a run, was loaded too: rows that a run does not name may still be valid.
   */
  mixed?: true;
}

/** Outcome of a database's last load, as it recorded itself: the row `LOAD`. */
export interface LoadNote {
  state: 'loading' | 'complete' | 'incomplete' | 'without a run' | 'interrupted' | 'failed';
  /** Why it is not complete. */
  message: string | null;
  runId: string | null;
  /** `YYYY-MM-DD hh:mm:ss`, UTC. */
  loadedAt: string;
  /** Lines of the stream. */
  lines: number;
  rows?: Counts;
  /** How much of its scope the run asked for; `fullRunAt` is the start of the full run that a delta builds on. */
  base?: Base | null;
  fullRunAt?: string | null;
  scope?: Scope | null;
  /** Whether the records are what the stages made; null if that cannot be known. */
  verified?: boolean | null;
  filtered?: Counts;
  supplied?: Counts;
  edited?: readonly string[];
  /** Rows that a complete, full run of the file's scope did not name again. */
  stale?: number | null;
  hostsWithoutPosture?: number;
  problems?: Counts;
}

/** Verdict and reconciliation of a run: the row `RUN id`. */
export interface RunNote {
  runId: string;
  gateway: string | null;
  username: string | null;
  /** ISO 8601, UTC. */
  startedAt: string | null;
  /** Null while it is being loaded. */
  complete: boolean | null;
  reason?: string | null;
  reconciliation?: Reconciliation;
}

export interface Reconciliation {
  policiesListed: number | null;
  policiesResolved: number;
  policyErrors: number;
  hostsResolved: number;
  hostsWithPosture: number;
  recordsReceived: Counts;
  recordsAccepted: Counts;
  recordsFiltered: Counts;
  rowsStored: Counts;
  rowsUnchanged: Counts;
}

/** A stage's start and end in a run: the row `RUN id STAGE`, or `RUN id STAGE 2` for a parallel one. */
export interface StageNote {
  stage: string;
  start?: Start;
  end?: End;
}

/** A database's own status, from `q_pcrs_status`. */
export interface SnapshotStatus {
  gateway: string | null;
  subscriptionId: string | null;
  /** Undefined if no run was loaded. */
  scope: ScopeNote | undefined;
  /** Undefined if no load has recorded itself. */
  load: LoadNote | undefined;
  /** All its runs, complete or not, the one that started last first. */
  runs: readonly KnownRun[];
  /** Run of the last load; undefined if it had none. */
  run: RunNote | undefined;
  /** Its stages in pipe order. */
  stages: StageNote[];
}

/**
 * Reads a database's status.
 *
 * Takes  name  the database's name in SQL: `main`, or the name it was attached under
 */
export async function readSnapshotStatus(
  { db, read }: Pick<ReadDatabase, 'db' | 'read'>,
  name = 'main',
): Promise<SnapshotStatus> {
  return read(() => {
    const known = db.pragma(`${name}.table_info(q_pcrs_status)`) as object[];
    const details = known.length === 0 ? [] : detailsIn(db, name);
    const detail = (status: string) => details.find(([known]) => known === status)?.[1];
    const load = detail('LOAD') as LoadNote | undefined;
    const source = detail('SOURCE');
    const ofRun = `RUN ${load?.runId} `;
    const gateway = textOf(source?.['gateway']);
    const runs = runsIn(details);
    return {
      gateway,
      subscriptionId: textOf(source?.['subscriptionId']),
      scope: (detail('SCOPE') as ScopeNote | undefined) ?? scopeByStarts(runs, gateway),
      runs,
      load: load && { ...baseByStarts(runs, load), ...load },
      run: load?.runId ? (detail(`RUN ${load.runId}`) as RunNote | undefined) : undefined,
      stages: details
        .filter(([status]) => status.startsWith(ofRun))
        .map(([status, said]) => ({ ...said, stage: status.slice(ofRun.length).replace(/ \d+$/, '') })),
    };
  });
}

/** A run that a database has notes of. */
export interface KnownRun {
  note: RunNote & { startedAt: string };
  /** In pipe order. */
  starts: Start[];
}

/** Newest first. */
function runsIn(details: readonly [string, JsonObject][]): KnownRun[] {
  const runs = details.flatMap(([name, note]): KnownRun[] => {
    const runId = /^RUN (\S+)$/.exec(name)?.[1];
    if (runId === undefined || typeof note['startedAt'] !== 'string') return [];
    const stages = details.filter(([other]) => other.startsWith(`RUN ${runId} `));
    const starts = stages.flatMap(([, { start }]) => (start ? [start as Start] : []));
    return [{ note: note as unknown as KnownRun['note'], starts }];
  });
  return runs.sort((a, b) => (a.note.startedAt < b.note.startedAt ? 1 : -1));
}

/** A database from before scopes were recorded has its last full run's scope. */
function scopeByStarts(runs: readonly KnownRun[], gateway: string | null): ScopeNote | undefined {
  const { starts, note } = runs.find((run) => baseOf(run.starts) === 'full') ?? runs.at(-1) ?? {};
  if (starts === undefined) return undefined;
  const filtered = Object.keys(note?.reconciliation?.recordsFiltered ?? {}).length > 0;
  return { gateway, flags: scopeOf(starts), beganFiltered: filtered };
}

/** The same for the base: a run with a date, in a file with an earlier full run, was a delta. */
function baseByStarts(runs: readonly KnownRun[], load: LoadNote): Pick<LoadNote, 'base' | 'fullRunAt'> {
  const last = runs.find(({ note }) => note.runId === load.runId);
  const full = runs.find(({ starts, note }) => note.complete && baseOf(starts) === 'full');
  if (last === undefined || load.state !== 'complete') return { base: null, fullRunAt: null };
  const base = baseOf(last.starts);
  if (base === 'dated' && full === undefined) return { base, fullRunAt: null };
  return { base: base === 'full' ? 'full' : 'delta', fullRunAt: full?.note.startedAt ?? null };
}

/**
 * Status of the database at a path.
 *
 * Yields  undefined if there is none, or it is unreadable
 */
export async function readStatusOf(path: string): Promise<SnapshotStatus | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const database = await openForReading(path, { lockWaitMs: 1000 });
    try {
      return await readSnapshotStatus(database);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

/** Run of a database's last load; undefined if it is unreadable. */
export async function runIn(path: string): Promise<string | undefined> {
  return (await readStatusOf(path))?.load?.runId ?? undefined;
}

/** The rows with a JSON object, latest first: each stage puts its `start` before those already there. */
function detailsIn(db: Database, name: string): [string, JsonObject][] {
  const rows = db
    .prepare(`SELECT STATUS_NAME, STATUS_DETAIL FROM ${name}.q_pcrs_status ORDER BY rowid DESC`)
    .raw()
    .all() as [string, unknown][];
  return rows.flatMap(([status, text]): [string, JsonObject][] => {
    const detail = parsedObject(text);
    return detail === undefined ? [] : [[status, detail]];
  });
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Why a database does not hold all of its run, or cannot be proven to. */
export interface Incompleteness {
  /** For programs. */
  code:
    | 'no_load'
    | 'no_run'
    | 'loading'
    | 'interrupted'
    | 'failed'
    | 'stage_failed'
    | 'broke_off'
    | 'incomplete';
  /** For people. */
  message: string;
}

/** Undefined if a database is proven to hold all of its run. */
export function incompleteness(status: SnapshotStatus): Incompleteness | undefined {
  const { load, run, stages } = status;
  if (load === undefined) {
    return {
      code: 'no_load',
      message: 'it has no record of a load, so nothing proves it complete',
    };
  }
  const of = `the load of ${load.loadedAt} UTC`;
  const why = load.message ?? 'no message';
  switch (load.state) {
    case 'complete':
      return undefined;
    case 'without a run':
      return { code: 'no_run', message: `${of} had no run, so nothing proves it complete` };
    case 'loading': {
      const message = `${of} has not finished: it is still running, or was killed after ${counted(load.lines ?? 0, 'line')}`;
      return { code: 'loading', message };
    }
    case 'interrupted':
    case 'failed':
      return {
        code: load.state,
        message: `${of} ${hows[load.state]} after ${counted(load.lines ?? 0, 'line')}: ${why}`,
      };
    default: {
      const code = stages.some(({ end }) => end?.ok === false)
        ? 'stage_failed'
        : stages.some(({ start, end }) => start && !end)
          ? 'broke_off'
          : 'incomplete';
      return { code, message: load.message ?? run?.reason ?? `${of} was incomplete` };
    }
  }
}

const hows = { interrupted: 'was interrupted', failed: 'failed' } as const;
