import { isDeepStrictEqual } from 'node:util';
import { durationWords } from 'pcrs-records/duration';
import type { Scope, Session } from 'pcrs-records/kinds';
import { stampOf, wholeSeconds } from 'pcrs-records/moments';
import type { RunFolder, RunPlan } from './run-folder.ts';

/** What the user wants of this start. */
export interface Wanted {
  incremental: boolean;
  /** Start over instead of resuming. */
  fresh: boolean;
  /** Publish a run that was held back for its shrink. */
  acceptShrink: boolean;
  fullEveryMs: number;
  /** An older interrupted run is started over: resuming would mix two days' data. */
  resumeWithinMs: number;
  scope: Scope;
  selection: Record<string, unknown>;
}

/** What to do, and why, if that is worth a message. */
export type Decision =
  | { kind: 'resume'; folder: RunFolder; why: string }
  | { kind: 'start'; plan: RunPlan; why: string | undefined };

/** Overlap: evaluations made while the last run began are asked for again. */
const overlapMs = 3_600_000;

/**
 * Decides whether to resume an interrupted run, to ask for everything, or to ask for changes.
 *
 * Takes   folders    of earlier runs in the series, newest first
 *         session    the session just opened
 *         order      the new run's order
 *         flawOf   reason not to build on a complete run's snapshot; undefined if it is fine
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

/** When it is too late to resume a run of this plan. */
export function resumableUntil(plan: RunPlan, resumeWithinMs: number): Date {
  return new Date(Date.parse(plan.session.startedAt) + resumeWithinMs);
}

/** The interrupted run, if it is the newest run and can be resumed; otherwise the reason why not. */
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
    return { why: `${of} was of another gateway or user and is not resumed` };
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
  const everything = (because: string) => ({ why: `${because}, so this is a full run` });
  const last = folders.find(({ made, plan }) => made && isSameSource(plan.session, session));
  if (last === undefined) return everything('there is no complete run to build on');
  if (!isDeepStrictEqual(last.plan.selection, wanted.selection))
    return everything('the flags differ from those of the last complete run');
  const { fullAt } = last.plan;
  if (now - Date.parse(fullAt) >= wanted.fullEveryMs)
    return everything(`the last full run started ${fullAt} (--full-every)`);
  if (Date.parse(last.plan.session.startedAt) > now)
    return everything(`the last complete run started ${last.plan.session.startedAt}, later than this one`);
  const flaw = await flawOf(last);
  if (flaw !== undefined) return everything(flaw);
  return { base: last, why: `asking for what was evaluated since ${since(last)}` };
}

function since({ plan }: RunFolder): string {
  return wholeSeconds(new Date(Date.parse(plan.session.startedAt) - overlapMs));
}

function isSameSource(a: Session, b: Session): boolean {
  return a.gateway === b.gateway && a.username === b.username;
}
