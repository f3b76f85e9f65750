import { isDeepStrictEqual } from 'node:util';
import type { Session } from 'pcrs-records/kinds';
import { type RunFolder, type RunPlan, stampOf } from './run-folder.ts';

/** What is wanted of this start. */
export interface Wanted {
  incremental: boolean;
  /** Start over instead of going on. */
  fresh: boolean;
  fullEveryMs: number;
  selection: Record<string, unknown>;
}

/** What is to be done, and why, where that is worth saying. */
export type Decision =
  | { kind: 'resume'; folder: RunFolder; why: string }
  | { kind: 'start'; plan: RunPlan; why: string | undefined };

/** An interrupted run older than this is started over: half of it would be of yesterday. */
const resumeWithinMs = 12 * 3_600_000;
/** What was evaluated while the last run began is asked for again. */
const overlapMs = 3_600_000;

/**
 * Decides whether a start goes on with an interrupted run, asks for everything, or for what changed.
 *
 * Takes   folders      of earlier runs, the newest first
 *         session      just opened
 *         hasSnapshot  whether a finished run's snapshot is still there
 */
export function decide(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  hasSnapshot: (stamp: string) => boolean,
): Decision {
  const now = Date.parse(session.startedAt);
  const stopped = stoppedRun(folders, session, wanted, now);
  if (stopped?.folder) return { kind: 'resume', folder: stopped.folder, why: stopped.why };
  const { base, why } = wanted.incremental ? baseFor(folders, session, wanted, now, hasSnapshot) : {};
  const plan: RunPlan = {
    contract: 1,
    stamp: stampOf(session.startedAt),
    session,
    mode: base ? 'incremental' : 'full',
    since: base ? seconds(Date.parse(base.plan.session.startedAt) - overlapMs) : null,
    base: base?.plan.stamp ?? null,
    fullAt: base?.plan.fullAt ?? session.startedAt,
    selection: wanted.selection,
  };
  return { kind: 'start', plan, why: [stopped?.why, why].filter(Boolean).join('; ') || undefined };
}

/** The interrupted run that is the newest of all, if it can be gone on with; why not, otherwise. */
function stoppedRun(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  now: number,
): { folder?: RunFolder; why: string } | undefined {
  const [newest] = folders;
  if (newest === undefined || newest.finished) return undefined;
  const { plan } = newest;
  const of = `the interrupted run of ${plan.session.startedAt}`;
  if (wanted.fresh) return { why: `${of} is started over (--fresh)` };
  if (now - Date.parse(plan.session.startedAt) > resumeWithinMs)
    return { why: `${of} is older than 12 hours and is started over` };
  if (!sameGateway(plan.session, session))
    return { why: `${of} was of another gateway or user and is left alone` };
  if (!isDeepStrictEqual(plan.selection, wanted.selection))
    return { why: `${of} had other flags and is started over` };
  return { folder: newest, why: `going on with ${of}` };
}

/** The last complete run with the same selection, unless a full run is due. */
function baseFor(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  now: number,
  hasSnapshot: (stamp: string) => boolean,
): { base?: RunFolder; why?: string } {
  const complete = folders.filter((folder) => folder.finished && hasSnapshot(folder.plan.stamp));
  const last = complete.find(({ plan }) => sameGateway(plan.session, session));
  if (last === undefined)
    return { why: 'there is no complete run to start from, so everything is asked for' };
  if (!isDeepStrictEqual(last.plan.selection, wanted.selection)) {
    return { why: 'the flags differ from those of the last complete run, so everything is asked for' };
  }
  if (now - Date.parse(last.plan.fullAt) >= wanted.fullEveryMs) {
    return {
      why: `the last full run was started ${last.plan.fullAt}, so everything is asked for (--full-every)`,
    };
  }
  return {
    base: last,
    why: `asking for what was evaluated since ${seconds(Date.parse(last.plan.session.startedAt) - overlapMs)}`,
  };
}

function sameGateway(a: Session, b: Session): boolean {
  return a.gateway === b.gateway && a.username === b.username;
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
