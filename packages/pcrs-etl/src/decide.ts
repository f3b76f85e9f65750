import { isDeepStrictEqual } from 'node:util';
import { stampOf } from 'pcrs-database/snapshot-names';
import { durationWords } from 'pcrs-records/duration';
import type { Scope, Session } from 'pcrs-records/kinds';
import type { RunFolder, RunPlan } from './run-folder.ts';

/** What is wanted of this start. */
export interface Wanted {
  incremental: boolean;
  /** Start over instead of resuming. */
  fresh: boolean;
  /** Publish a run that was not published for its shrink. */
  acceptShrink: boolean;
  fullEveryMs: number;
  /** An interrupted run that is older is started over: half of it would be of yesterday. */
  resumeWithinMs: number;
  scope: Scope;
  selection: Record<string, unknown>;
}

/** What is to be done, and why, if that is worth saying. */
export type Decision =
  | { kind: 'resume'; folder: RunFolder; why: string }
  | { kind: 'start'; plan: RunPlan; why: string | undefined };

/** What was evaluated while the last run began is asked for again. */
const overlapMs = 3_600_000;

/**
 * Decides whether a start resumes an interrupted run, asks for everything, or for what changed.
 *
 * Takes   folders    of earlier runs of the series, the newest first
 *         session    just opened
 *         order      of a new run
 *         flawOf   why a complete run's snapshot cannot be built on; undefined if it can
 */
export async function decide(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  order: number,
  flawOf: (folder: RunFolder) => Promise<string | undefined>,
): Promise<Decision> {
  const now = Date.parse(session.startedAt);
  const stopped = stoppedRun(folders, session, wanted, now);
  if (stopped?.folder) return { kind: 'resume', folder: stopped.folder, why: stopped.why };
  const { base, why } = wanted.incremental ? await baseFor(folders, session, wanted, now, flawOf) : {};
  const plan: RunPlan = {
    contract: 2,
    name: null,
    order,
    stamp: stampOf(session.startedAt),
    session,
    mode: base ? 'incremental' : 'full',
    since: base ? since(base) : null,
    base: base?.plan.stamp ?? null,
    fullAt: base?.plan.fullAt ?? session.startedAt,
    scope: wanted.scope,
    selection: wanted.selection,
  };
  return { kind: 'start', plan, why: [stopped?.why, why].filter(Boolean).join('; ') || undefined };
}

/** When a run of this plan is started over rather than resumed. */
export function resumableUntil(plan: RunPlan, resumeWithinMs: number): Date {
  return new Date(Date.parse(plan.session.startedAt) + resumeWithinMs);
}

/** The interrupted run that is the newest of all, if it can be resumed; else why not. */
function stoppedRun(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  now: number,
): { folder?: RunFolder; why: string } | undefined {
  const [newest] = folders;
  if (newest === undefined || newest.made !== undefined) return undefined;
  const { plan } = newest;
  const isShrunk = plan.ended === 8;
  if (plan.ended !== undefined && !(isShrunk && wanted.acceptShrink)) return undefined;
  const of = `the ${isShrunk ? 'shrunk' : 'interrupted'} run of ${plan.session.startedAt}`;
  if (wanted.fresh) return { why: `${of} is started over (--fresh)` };
  if (now > resumableUntil(plan, wanted.resumeWithinMs).getTime()) {
    const limit = durationWords(wanted.resumeWithinMs);
    return { why: `${of} is older than ${limit} and is started over (--resume-within)` };
  }
  if (!isSameSource(plan.session, session))
    return { why: `${of} was of another gateway or user and is left alone` };
  if (!isDeepStrictEqual(plan.selection, wanted.selection))
    return { why: `${of} had other flags and is started over` };
  return { folder: newest, why: `resuming ${of}` };
}

/** The last complete run with the same selection, unless a full run is due. */
async function baseFor(
  folders: readonly RunFolder[],
  session: Session,
  wanted: Wanted,
  now: number,
  flawOf: (folder: RunFolder) => Promise<string | undefined>,
): Promise<{ base?: RunFolder; why?: string }> {
  const everything = (because: string) => ({ why: `${because}, so everything is asked for` });
  const last = folders.find(({ made, plan }) => made && isSameSource(plan.session, session));
  if (last === undefined) return everything('there is no complete run to start from');
  if (!isDeepStrictEqual(last.plan.selection, wanted.selection))
    return everything('the flags differ from those of the last complete run');
  const { fullAt } = last.plan;
  if (now - Date.parse(fullAt) >= wanted.fullEveryMs)
    return everything(`the last full run was started ${fullAt} (--full-every)`);
  if (Date.parse(last.plan.session.startedAt) > now)
    return everything(`the last complete run started ${last.plan.session.startedAt}, later than this one`);
  const flaw = await flawOf(last);
  if (flaw !== undefined) return everything(flaw);
  return { base: last, why: `asking for what was evaluated since ${since(last)}` };
}

function since({ plan }: RunFolder): string {
  return `${new Date(Date.parse(plan.session.startedAt) - overlapMs).toISOString().slice(0, 19)}Z`;
}

function isSameSource(a: Session, b: Session): boolean {
  return a.gateway === b.gateway && a.username === b.username;
}
