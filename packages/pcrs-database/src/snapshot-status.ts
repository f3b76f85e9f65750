import type { Counts, End, JsonObject, Start } from 'pcrs-records/kinds';
import type { Database, ReadDatabase } from './open.ts';

/** How the last load into a database ended, as it noted itself: the row `LOAD`. */
export interface LoadNote {
  state: 'loading' | 'complete' | 'incomplete' | 'without a run' | 'interrupted' | 'failed';
  /** Why it is not complete. */
  message: string | null;
  runId: string | null;
  /** `YYYY-MM-DD hh:mm:ss`, UTC. */
  loadedAt: string;
  /** Lines of the stream that came. */
  lines: number;
  rows?: Counts;
  /** Rows that a complete, unfiltered, undated run did not name again. */
  stale?: number | null;
  hostsWithoutPosture?: number;
  problems?: Counts;
  /** `delta`: what vanished since the last full run is still there. */
  base?: 'full' | 'delta';
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

/** A stage's own words in a run: the row `RUN id STAGE`. */
export interface StageNote {
  stage: string;
  start?: Start;
  end?: End;
}

/** What a database says of itself in `q_pcrs_status`. */
export interface SnapshotStatus {
  gateway: string | null;
  subscriptionId: string | null;
  /** Undefined where no load has noted itself. */
  load: LoadNote | undefined;
  /** The run of the last load; undefined where that had none. */
  run: RunNote | undefined;
  /** Its stages in the order of the pipe. */
  stages: StageNote[];
}

/**
 * Reads what a database says of itself.
 *
 * Takes  name  of the database in SQL: `main`, or what it was attached as
 */
export async function readSnapshotStatus({ db, read }: ReadDatabase, name = 'main'): Promise<SnapshotStatus> {
  return read(() => {
    const known = db.pragma(`${name}.table_info(q_pcrs_status)`) as object[];
    const details = known.length === 0 ? [] : detailsIn(db, name);
    const detail = (status: string) => details.find(([known]) => known === status)?.[1];
    const load = detail('LOAD') as LoadNote | undefined;
    const source = detail('SOURCE');
    const ofRun = `RUN ${load?.runId} `;
    return {
      gateway: textOf(source?.['gateway']),
      subscriptionId: textOf(source?.['subscriptionId']),
      load,
      run: load?.runId ? (detail(`RUN ${load.runId}`) as RunNote | undefined) : undefined,
      stages: details
        .filter(([status]) => status.startsWith(ofRun))
        .map(([status, said]) => ({ ...said, stage: status.slice(ofRun.length) })),
    };
  });
}

/** The rows with a JSON object; the latest first: each stage puts its `start` in front of those before it. */
function detailsIn(db: Database, name: string): [string, JsonObject][] {
  const rows = db
    .prepare(`SELECT STATUS_NAME, STATUS_DETAIL FROM ${name}.q_pcrs_status ORDER BY rowid DESC`)
    .raw()
    .all() as [string, unknown][];
  return rows.flatMap(([status, text]): [string, JsonObject][] => {
    const detail = parsed(text);
    return detail === undefined ? [] : [[status, detail]];
  });
}

function parsed(text: unknown): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Why a database does not hold all of its run, or nothing proves that it does. */
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

/** Undefined where a database is proven to hold all of its run. */
export function incompleteness(status: SnapshotStatus): Incompleteness | undefined {
  const { load, run, stages } = status;
  if (load === undefined) {
    return {
      code: 'no_load',
      message: 'no load has noted itself in it, so nothing proves that it is whole',
    };
  }
  const of = `the load of ${load.loadedAt} UTC`;
  const why = load.message ?? 'no message';
  switch (load.state) {
    case 'complete':
      return undefined;
    case 'without a run':
      return { code: 'no_run', message: `${of} was without a run, so nothing proves that it is whole` };
    case 'loading': {
      const message = `${of} has not ended: it is under way, or was killed after ${load.lines} lines`;
      return { code: 'loading', message };
    }
    case 'interrupted':
    case 'failed':
      return { code: load.state, message: `${of} ${hows[load.state]} after ${load.lines} lines: ${why}` };
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
