import { type Attempt, lastAttempt } from 'pcrs-database/attempt';
import { isLocked } from 'pcrs-database/database-error';
import { type Found, findSnapshot } from 'pcrs-database/find-snapshot';
import { checkLayout } from 'pcrs-database/layout';
import { openForReading } from 'pcrs-database/open';
import {
  type Incompleteness,
  incompleteness,
  type LoadNote,
  type Reconciliation,
  readSnapshotStatus,
  type SnapshotStatus,
} from 'pcrs-database/snapshot-status';
import type { CodedError } from 'pcrs-records/errors';
import type { Base, Counts, MissingSlice, Scope, SliceCounts } from 'pcrs-records/kinds';
import { type Gates, type Miss, missedGates } from './gates.ts';
import { type Measures, measure } from './measures.ts';
import { missingSlices, type StageStatus, sliceCounts, stageStatus } from './stages.ts';

export { isGateMiss } from './gates.ts';
export { prometheusPage } from './prometheus.ts';
export type { StageStatus } from './stages.ts';
export { statusBody, statusTable, statusVerdict } from './table.ts';
export { writePage } from './write-page.ts';

/** A problem of a snapshot. */
export interface Reason {
  code: Incompleteness['code'] | 'no_snapshot' | 'being_written' | 'half_written' | 'filtered' | Miss['code'];
  message: string;
}

/** Status of a database, as the record that the tool prints. */
export interface StatusRecord {
  kind: 'status';
  /** The path as given. */
  path: string;
  present: boolean;
  /** Null if there is none. */
  database: string | null;
  /** Null if it was loaded without a run, or has no status. */
  complete: boolean | null;
  /** Null if no run was loaded. */
  base: Base | null;
  /** Start of the full run that the rows rest on: rows that vanished since then are still there. */
  fullRunAt: string | null;
  /** The flags that narrowed its runs; null if none was loaded. */
  scope: Scope | null;
  /** The records are what the stages made; null if unknown. */
  verified: boolean | null;
  /** True without reasons: the answer for a monitor. */
  ok: boolean;
  reasons: Reason[];
  gateway: string | null;
  subscriptionId: string | null;
  username: string | null;
  runId: string | null;
  /** Start of the run, ISO 8601. */
  startedAt: string | null;
  loadedAt: string | null;
  /** Since the start of the run, else since the load. */
  ageSeconds: number | null;
  /** Null if unreadable. */
  measures: Measures | null;
  /** Last start of pcrs-etl in a folder; null if there was none. */
  lastAttempt: Attempt | null;
  stages: StageStatus[];
  reconciliation: Reconciliation | null;
  /** Rows by table when the load ended. */
  rows: Counts | null;
  /** Rows of earlier runs that this one did not name again; null if it does not prove that they are gone. */
  stale: number | null;
  hostsWithoutPosture: number | null;
  slices: Omit<SliceCounts, 'missing'> | null;
  missing: MissingSlice[];
  problems: Counts;
  /** Incomplete snapshots that began later. */
  newerIncomplete: { database: string; reason: string }[];
}

export interface StatusOptions extends Gates {
  /** Name of the snapshots, if a directory holds several series. */
  name?: string | undefined;
  /** Records filtered out in the pipe are a reason. */
  strict?: boolean;
  now?: Date;
}

/** Short: a writer is between two commits, or writes a snapshot that nobody may see yet. */
const lockWaitMs = 1000;

/**
 * Reads whether a database is complete, how old it is and what is missing. Changes nothing.
 *
 * Takes   path  a database, or a directory with its latest snapshot. A missing or empty one is a reason too
 * Throws  PCRS_RECORD for a file that is not a database of pcrs-to-sqlite; PCRS_USAGE, PCRS_MACHINE
 */
export async function snapshotStatus(path: string, options: StatusOptions = {}): Promise<StatusRecord> {
  const attempt = lastAttempt(path, options.name);
  const found = findOrWhyNot(path, options.name);
  if ('reason' in found) return { ...recordOf(path, null, found, options), lastAttempt: attempt };
  const { database, newerIncomplete } = found;
  const record = recordOf(path, database, await read(database, true), options);
  for (const newer of newerIncomplete) {
    const { reasons } = recordOf(newer, newer, await read(newer, false).catch(unreadable), { strict: false });
    record.newerIncomplete.push({ database: newer, reason: reasons[0]?.message ?? 'it was not published' });
  }
  return { ...record, lastAttempt: attempt };
}

/** A folder without a snapshot is a reason, like any other problem. */
function findOrWhyNot(path: string, name: string | undefined): Found | { reason: Reason } {
  try {
    return findSnapshot(path, name);
  } catch (error) {
    const { code, message } = error as CodedError;
    if (code !== 'PCRS_INCOMPLETE') throw error;
    return { reason: { code: 'no_snapshot', message } };
  }
}

/** Status of a database, or why there is none. */
type Said = { status: SnapshotStatus; measures: Measures | null } | { reason: Reason };

async function read(path: string, measured: boolean): Promise<Said> {
  try {
    const database = await openForReading(path, { lockWaitMs });
    try {
      await checkLayout(database, path);
      const status = await readSnapshotStatus(database);
      return { status, measures: measured ? await measure(database) : null };
    } finally {
      database.close();
    }
  } catch (error) {
    const reason = aboutWriter(error as CodedError);
    if (reason === undefined) throw error;
    return { reason };
  }
}

/** A reason that is not our failure: a writer is at work, or died at work. */
function aboutWriter({ cause }: CodedError): Reason | undefined {
  const { code = '' } = (cause ?? {}) as { code?: string };
  if (isLocked(code)) {
    return { code: 'being_written', message: 'it is being written by another program' };
  }
  if (!/^SQLITE_READONLY_(ROLLBACK|RECOVERY)$/.test(code)) return undefined;
  return {
    code: 'half_written',
    message:
      'it has an unfinished write of a process that died; the next pcrs-to-sqlite into it undoes that write',
  };
}

/** An unreadable file next to the snapshot must not hide the snapshot's own status. */
function unreadable({ message }: Error): Said {
  return { reason: { code: 'no_load', message } };
}

function recordOf(path: string, database: string | null, said: Said, options: StatusOptions): StatusRecord {
  const { status, measures = null } = 'status' in said ? said : {};
  const { load, run, stages = [] } = status ?? {};
  const moment = run?.startedAt ?? (load && `${load.loadedAt.replace(' ', 'T')}Z`) ?? null;
  const since = (time: string | null | undefined) =>
    time == null ? null : (options.now ?? new Date()).getTime() - Date.parse(time);
  const [ageMs, fullAgeMs] = [since(moment), since(load?.fullRunAt)];
  const reasons = [
    ...('reason' in said ? [said.reason] : reasonsOf(said.status, options)),
    ...missedGates(options, { ageMs, fullAgeMs, measures }),
  ];
  return {
    kind: 'status',
    ...{ path, present: database !== null, database },
    complete: completeOf(said, load),
    base: load?.base ?? null,
    fullRunAt: load?.fullRunAt ?? null,
    scope: status?.scope?.flags ?? null,
    verified: load?.verified ?? null,
    ok: reasons.length === 0,
    reasons,
    gateway: status?.gateway ?? null,
    subscriptionId: status?.subscriptionId ?? null,
    username: run?.username ?? null,
    runId: load?.runId ?? null,
    startedAt: run?.startedAt ?? null,
    loadedAt: load?.loadedAt ?? null,
    ageSeconds: ageMs === null ? null : Math.floor(ageMs / 1000),
    measures,
    lastAttempt: null,
    stages: stages.map(stageStatus),
    reconciliation: run?.reconciliation ?? null,
    rows: load?.rows ?? null,
    stale: load?.stale ?? null,
    hostsWithoutPosture: load?.hostsWithoutPosture ?? null,
    slices: sliceCounts(stages),
    missing: missingSlices(stages),
    problems: load?.problems ?? {},
    newerIncomplete: [],
  };
}

function completeOf(said: Said, load: LoadNote | undefined): boolean | null {
  if ('reason' in said) return false;
  if (load === undefined || load.state === 'without a run') return null;
  return load.state === 'complete';
}

function reasonsOf(status: SnapshotStatus, { strict }: StatusOptions): Reason[] {
  const reasons: Reason[] = [];
  const why = incompleteness(status);
  if (why !== undefined) reasons.push(why);
  const filtered = Object.entries(status.run?.reconciliation?.recordsFiltered ?? {});
  if (strict && filtered.length > 0) {
    const words = filtered.map(([kind, count]) => `${count} ${kind}`).join(', ');
    reasons.push({ code: 'filtered', message: `filtered: ${words} (--strict)` });
  }
  return reasons;
}
