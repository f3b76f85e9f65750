import { isLocked } from 'pcrs-database/database-error';
import { findSnapshot } from 'pcrs-database/find-snapshot';
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
import { durationWords } from 'pcrs-records/duration';
import type { CodedError } from 'pcrs-records/errors';
import type { Counts, MissingSlice, SliceCounts } from 'pcrs-records/kinds';
import { missingSlices, type StageStatus, sliceCounts, stageStatus } from './stages.ts';

export type { StageStatus } from './stages.ts';
export { statusTable } from './table.ts';

/** Why a snapshot is not as it should be. */
export interface Reason {
  code: Incompleteness['code'] | 'being_written' | 'half_written' | 'filtered' | 'too_old';
  message: string;
}

/** What a database tells of itself, as the record that the tool prints. */
export interface StatusRecord {
  kind: 'status';
  database: string;
  /** Null where it was loaded without a run, or says nothing. */
  complete: boolean | null;
  /** No reasons: a monitor's question. */
  ok: boolean;
  reasons: Reason[];
  gateway: string | null;
  subscriptionId: string | null;
  username: string | null;
  runId: string | null;
  /** Of the run, ISO 8601. */
  startedAt: string | null;
  loadedAt: string | null;
  /** Since the run started, else since the load. */
  ageSeconds: number | null;
  stages: StageStatus[];
  reconciliation: Reconciliation | null;
  /** By table, when the load ended. */
  rows: Counts | null;
  /** Rows of earlier runs that this one did not name again; null where it does not prove that they are gone. */
  stale: number | null;
  hostsWithoutPosture: number | null;
  slices: Omit<SliceCounts, 'missing'> | null;
  missing: MissingSlice[];
  problems: Counts;
  /** Snapshots begun later that are not complete. */
  newerIncomplete: { database: string; reason: string }[];
}

export interface StatusOptions {
  /** Of the snapshots, where several are kept in a directory. */
  name?: string | undefined;
  /** An older run is a reason. */
  maxAgeMs?: number | undefined;
  /** Records that a filter took out on the way are a reason. */
  strict?: boolean;
  now?: Date;
}

/** Somebody who writes is between two commits, or writes a snapshot that nobody may see yet. */
const lockWaitMs = 1000;

/**
 * Reads whether a database is complete, how old it is and what is missing. Nothing is changed.
 *
 * Takes   path  a database, or a directory: its latest snapshot
 * Throws  PCRS_EMPTY where there is none; PCRS_RECORD for what is no database of pcrs-to-sqlite; PCRS_USAGE, PCRS_MACHINE
 */
export async function snapshotStatus(path: string, options: StatusOptions = {}): Promise<StatusRecord> {
  const { database, newerIncomplete } = findSnapshot(path, options.name);
  const record = recordOf(database, await read(database), options);
  for (const newer of newerIncomplete) {
    const { reasons } = recordOf(newer, await read(newer).catch(unreadable), { strict: false });
    record.newerIncomplete.push({ database: newer, reason: reasons[0]?.message ?? 'it was not published' });
  }
  return record;
}

/** What a database says, or why it says nothing. */
type Said = { status: SnapshotStatus } | { reason: Reason };

async function read(path: string): Promise<Said> {
  try {
    const database = await openForReading(path, { lockWaitMs });
    try {
      await checkLayout(database, path);
      return { status: await readSnapshotStatus(database) };
    } finally {
      database.close();
    }
  } catch (error) {
    const reason = aboutWriter(error as CodedError);
    if (reason === undefined) throw error;
    return { reason };
  }
}

/** Trouble that is no failure of ours: somebody is writing, or died while he was. */
function aboutWriter({ cause }: CodedError): Reason | undefined {
  const { code = '' } = (cause ?? {}) as { code?: string };
  if (isLocked(code)) return { code: 'being_written', message: 'it is being written by another program' };
  if (!/^SQLITE_READONLY_(ROLLBACK|RECOVERY)$/.test(code)) return undefined;
  return {
    code: 'half_written',
    message: 'its writer died in the middle of a write; the next pcrs-to-sqlite into it undoes that write',
  };
}

/** One that is beside the snapshot must not hide what there is to say about that. */
function unreadable({ message }: Error): Said {
  return { reason: { code: 'no_load', message } };
}

function recordOf(database: string, said: Said, options: StatusOptions): StatusRecord {
  const status = 'status' in said ? said.status : undefined;
  const { load, run, stages = [] } = status ?? {};
  const moment = run?.startedAt ?? (load && `${load.loadedAt.replace(' ', 'T')}Z`);
  const age = moment === undefined ? null : (options.now ?? new Date()).getTime() - Date.parse(moment);
  const reasons = 'reason' in said ? [said.reason] : reasonsOf(said.status, age, options);
  return {
    kind: 'status',
    database,
    complete: completeOf(said, load),
    ok: reasons.length === 0,
    reasons,
    gateway: status?.gateway ?? null,
    subscriptionId: status?.subscriptionId ?? null,
    username: run?.username ?? null,
    runId: load?.runId ?? null,
    startedAt: run?.startedAt ?? null,
    loadedAt: load?.loadedAt ?? null,
    ageSeconds: age === null ? null : Math.floor(age / 1000),
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

function reasonsOf(status: SnapshotStatus, age: number | null, options: StatusOptions): Reason[] {
  const { maxAgeMs, strict } = options;
  const reasons: Reason[] = [];
  const why = incompleteness(status);
  if (why !== undefined) reasons.push(why);
  const filtered = Object.entries(status.run?.reconciliation?.recordsFiltered ?? {});
  if (strict && filtered.length > 0) {
    const words = filtered.map(([kind, count]) => `${count} ${kind}`).join(', ');
    reasons.push({ code: 'filtered', message: `filtered on the way: ${words} (--strict)` });
  }
  if (maxAgeMs !== undefined && (age === null || age > maxAgeMs)) {
    const old = age === null ? 'its age is not known' : `it is ${durationWords(age)} old`;
    reasons.push({ code: 'too_old', message: `${old}, --max-age is ${durationWords(maxAgeMs)}` });
  }
  return reasons;
}
