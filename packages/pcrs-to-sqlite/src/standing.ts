import type { ScopeNote, SnapshotStatus } from 'pcrs-database/snapshot-status';
import type { Base, Session, Start } from 'pcrs-records/kinds';
import { isSameScope, scopeWords } from 'pcrs-records/scope';
import type { Shrink } from './shrink.ts';

/** What the user lets happen to `latest.db`. */
export interface PublishRules {
  /** It may hold another scope than before. */
  rescope?: boolean;
  /** It may go back to a run that started earlier. */
  allowOlder?: boolean;
  /** A run that is smaller by more percent is not published. */
  maxShrink?: number | undefined;
  acceptShrink?: boolean;
}

/** A complete run that could become `latest.db`. */
export interface Candidate {
  session: Session;
  starts: readonly Start[];
  base: Base;
  /** Start of the full run that it rests on. */
  fullRunAt: string | null;
  scope: ScopeNote;
  /** Records were lost on the way, or came from outside. */
  isFiltered: boolean;
}

/** What becomes of a complete run. */
export interface Standing {
  /** `latest`: the link moves to it. `beside`: its file stands, the link stays. `shrunk`: neither. */
  fate: 'latest' | 'beside' | 'shrunk';
  /** For people; undefined if all is as usual. */
  message: string | undefined;
  /** Whether the series takes filtered runs. */
  beganFiltered: boolean;
}

/** More is said, whether or not it is a reason not to publish. */
const worthSayingPercent = 10;

/**
 * Decides what becomes of a complete run: `latest.db` keeps its scope, never goes back, and does not shrink unseen.
 *
 * Takes   latest  what `latest.db` says of itself; undefined if there is none
 *         link    its name, for messages
 *         shrink  compares the two, if they are of one scope
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
    const message = `${link} stays as it was: ${why}`;
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
    message: `${message}; more than --max-shrink ${rules.maxShrink} allows, so ${link} stays as it was (--accept-shrink publishes it)`,
    beganFiltered,
  };
}

/** `latest.db` is there and cannot be read, so nobody knows whether a run may follow it. */
export function unknownStanding({ isFiltered }: Candidate, link: string): Standing {
  const why = 'it cannot be read, so what it holds is not known (--rescope)';
  return { fate: 'beside', message: `${link} stays as it was: ${why}`, beganFiltered: isFiltered };
}

function exceeds({ percent }: Shrink, { acceptShrink, maxShrink }: PublishRules): boolean {
  return maxShrink !== undefined && !acceptShrink && percent > maxShrink;
}

/** Some runs are no picture of anything by themselves. */
function whyNeverLatest({ base, fullRunAt, starts }: Candidate): string | undefined {
  if (starts.some((start) => 'reduced' in start)) return 'the run has reduced records only';
  if (base === 'delta' && fullRunAt === null)
    return 'the run is a delta, and starts from no full run (--from)';
  return undefined;
}

function whyNotNext(
  { scope, session, isFiltered }: Candidate,
  latest: SnapshotStatus,
  { allowOlder = false }: PublishRules,
): string | undefined {
  const held = latest.scope;
  if (held && held.gateway !== scope.gateway)
    return `it is of ${held.gateway}, this run of ${scope.gateway} (--name, or --rescope)`;
  if (held && !isSameScope(held.flags, scope.flags)) {
    const [holds, has] = [scopeWords(held.flags), scopeWords(scope.flags)];
    return `it holds ${holds}, this run has ${has} (--name, or --rescope)`;
  }
  if (isFiltered && !held?.beganFiltered)
    return 'it began with whole runs, and records of this one were filtered or came from outside (--name, or --rescope)';
  const startedAt = latest.run?.startedAt;
  if (!allowOlder && startedAt && Date.parse(session.startedAt) < Date.parse(startedAt))
    return `it is of a run that started ${startedAt}, this one started ${session.startedAt} (--allow-older)`;
  return undefined;
}

/** Why a run may be smaller, as far as it is known. */
function causesOf({ session, isFiltered }: Candidate, latest: SnapshotStatus): string[] {
  const user = latest.run?.username;
  return [
    ...(user && session.username && user !== session.username
      ? [`the user is ${session.username}, was ${user}, and each may see other policies and hosts`]
      : []),
    ...(isFiltered ? ['records were filtered on the way, or came from outside'] : []),
  ];
}
