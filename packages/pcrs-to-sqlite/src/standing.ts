import type { ScopeNote, SnapshotStatus } from 'pcrs-database/snapshot-status';
import type { Base, Session, Start } from 'pcrs-records/kinds';
import { isSameScope, scopeWords } from 'pcrs-records/scope';
import type { Shrink } from './shrink.ts';

/** What the user allows to happen to `latest.db`. */
export interface PublishRules {
  /** It may change to another scope. */
  rescope?: boolean;
  /** It may go back to a run that started earlier. */
  allowOlder?: boolean;
  /** A run that shrank by more percent is not published. */
  maxShrink?: number | undefined;
  acceptShrink?: boolean;
}

/** A complete run that could become `latest.db`. */
export interface Candidate {
  session: Session;
  starts: readonly Start[];
  base: Base;
  /** Start of the full run that it builds on. */
  fullRunAt: string | null;
  scope: ScopeNote;
  /** Records were lost in the pipe, or came from outside. */
  isFiltered: boolean;
}

/** What happens to a complete run. */
export interface Standing {
  /** `latest`: the link moves to it. `beside`: its file stays, the link does not move. `shrunk`: neither. */
  fate: 'latest' | 'beside' | 'shrunk';
  /** For people; undefined if all is normal. */
  message: string | undefined;
  /** Whether the series accepts filtered runs. */
  beganFiltered: boolean;
}

/** A larger shrink is reported, whether or not it prevents publishing. */
const worthSayingPercent = 10;

/**
 * Decides what happens to a complete run: `latest.db` keeps its scope, never goes back, and never shrinks silently.
 *
 * Takes   latest  status of `latest.db`; undefined if there is none
 *         link    its name, for messages
 *         shrink  compares the two, if they have one scope
 */
export async function standingOf(
  candidate: Candidate,
  latest: SnapshotStatus | undefined,
  link: string,
  rules: PublishRules,
  shrink: () => Promise<Shrink | undefined>,
): Promise<Standing> {
  const { base, isFiltered, fullRunAt } = candidate;
  const begins = latest === undefined || rules.rescope === true;
  const beganFiltered = begins ? isFiltered : (latest.scope?.beganFiltered ?? false);
  const why = whyNeverLatest(candidate) ?? (begins ? undefined : whyNotNext(candidate, latest, rules));
  if (why !== undefined) {
    const message = `${link} was left unchanged: ${why}`;
    return { fate: 'beside', message, beganFiltered: isFiltered };
  }
  const smaller =
    begins || base === 'delta' || fullRunAt === latest.load?.fullRunAt ? undefined : await shrink();
  if (smaller === undefined || (smaller.percent <= worthSayingPercent && !exceeds(smaller, rules)))
    return { fate: 'latest', message: undefined, beganFiltered };
  const causes = causesOf(candidate, latest as SnapshotStatus);
  const message = `smaller than the run before: ${[smaller.words, ...causes].join('; ')}`;
  if (!exceeds(smaller, rules)) return { fate: 'latest', message, beganFiltered };
  return {
    fate: 'shrunk',
    message: `${message}; more than --max-shrink ${rules.maxShrink} allows, so ${link} was left unchanged (--accept-shrink publishes the run)`,
    beganFiltered,
  };
}

/** For an unreadable `latest.db`: nobody knows whether a run may follow it. */
export function unknownStanding({ isFiltered }: Candidate, link: string): Standing {
  const why = 'it cannot be read, so its scope is unknown (--rescope)';
  return { fate: 'beside', message: `${link} was left unchanged: ${why}`, beganFiltered: isFiltered };
}

function exceeds({ percent }: Shrink, { acceptShrink, maxShrink }: PublishRules): boolean {
  return maxShrink !== undefined && !acceptShrink && percent > maxShrink;
}

/** Why a run can never be a picture by itself, if so. */
function whyNeverLatest({ base, fullRunAt, starts }: Candidate): string | undefined {
  if (starts.some((start) => 'reduced' in start)) return 'the run has reduced records only';
  if (base === 'delta' && fullRunAt === null)
    return 'the run is a delta that is not based on a full run (--from)';
  return undefined;
}

function whyNotNext(
  { scope, session, isFiltered }: Candidate,
  latest: SnapshotStatus,
  { allowOlder = false }: PublishRules,
): string | undefined {
  const held = latest.scope;
  if (held && held.gateway !== scope.gateway)
    return `it is of ${held.gateway}, but this run is of ${scope.gateway} (--name, or --rescope)`;
  if (held && !isSameScope(held.flags, scope.flags)) {
    const [holds, has] = [scopeWords(held.flags), scopeWords(scope.flags)];
    return `it holds ${holds}, this run has ${has} (--name, or --rescope)`;
  }
  if (isFiltered && !held?.beganFiltered)
    return 'it started with unfiltered runs, but records of this one were filtered or added (--name, or --rescope)';
  const startedAt = latest.run?.startedAt;
  if (!allowOlder && startedAt && Date.parse(session.startedAt) < Date.parse(startedAt))
    return `its run started ${startedAt}, later than this one (${session.startedAt}) (--allow-older)`;
  return undefined;
}

/** Known reasons why a run may be smaller. */
function causesOf({ session, isFiltered }: Candidate, latest: SnapshotStatus): string[] {
  const user = latest.run?.username;
  return [
    ...(user && session.username && user !== session.username
      ? [`the user changed from ${user} to ${session.username}, and may see other policies and hosts`]
      : []),
    ...(isFiltered ? ['records were filtered or added'] : []),
  ];
}
