import { dayText } from './calendar.ts';
import { hash } from './hash.ts';
import type { Host, Hosts } from './hosts.ts';
import type { Policies, Policy } from './policies.ts';
import type { WorldEvents } from './world-events.ts';
import type { WorldSize } from './world-size.ts';

/**
 * Evaluations of a policy on a host, in days since 1970: the first, the state on the world's first day, then each
 * later day with both a scan of the host and an evaluation of the policy. Without an evaluation nothing changes.
 */
export interface Evaluations {
  readonly first: number;
  readonly start: number;
  readonly later: readonly number[];
  /** Days in `later` on which the policy was changed without a scan of the host. */
  readonly forced: ReadonlySet<number>;
  readonly last: number;
}

/** Passed, Failed, Error, PassedE (failed, with an exception). */
export type Status = 0 | 1 | 2 | 3;

/** The history of one posture; days since 1970, -1 for never. One object is reused. */
export interface History {
  status: Status;
  previous: Status | -1;
  firstFail: number;
  lastFail: number;
  firstPass: number;
  lastPass: number;
  modified: number;
}

const names = ['Passed', 'Failed', 'Error', 'PassedE'] as const;

/** The days on which a policy was evaluated on one of its hosts. */
export function evaluationsOf(
  size: WorldSize,
  hosts: Hosts,
  policies: Policies,
  events: WorldEvents,
  policy: Policy,
  host: Host,
): Evaluations {
  const age = Math.max(policies.evaluationAge(policy), hosts.scanAge(host.index));
  const since = Math.max(host.born, policy.born);
  const born = since === 0 ? undefined : policies.firstEvaluationSince(policy, since);
  const start = size.firstDay + (born ?? -age);
  const first =
    born === undefined ? start - 30 - (hash(size.seed, host.index, policy.index, 41) % 600) : start;
  const later: number[] = [];
  const forced = new Set<number>();
  for (let day = (born ?? 0) + 1; day <= size.day; day++) {
    const natural = policies.evaluatedOn(policy, day) && hosts.scannedOn(host.index, day);
    if (natural) later.push(size.firstDay + day);
    else if (events.changes(policy.index, day) && policy.active) {
      later.push(size.firstDay + day);
      forced.add(size.firstDay + day);
    }
  }
  return { first, start, later, forced, last: later.at(-1) ?? start };
}

/**
 * Writes the history of one posture into `story`.
 *
 * Takes   luck       the posture's own number
 *         threshold  the share of failures, 0 to 1
 *         turns      the effects of events
 */
export function tell(
  story: History,
  dates: Evaluations,
  luck: number,
  threshold: number,
  turns: Turns = uneventful,
): void {
  const failed = (luck & 0xffff) < threshold * 65_536 || dates.start >= turns.brokenSince;
  story.firstFail = story.lastFail = story.firstPass = story.lastPass = story.modified = -1;
  if (luck >>> 25 === 7) {
    story.status = 2;
    story.previous = -1;
    return;
  }
  story.status = failed ? 1 : 0;
  story.previous = dates.first === dates.start ? -1 : story.status;
  story.modified = dates.first;
  const span = dates.start - dates.first;
  if (((luck >>> 16) & 3) === 1 && span > 0) {
    // Half of the changes fall in the last two weeks, so that short time spans have some.
    const changed = dates.start - ((luck >>> 18) % (luck >>> 31 === 1 ? Math.min(span, 14) : span));
    mark(story, failed ? 0 : 1, dates.first, changed - 1);
    story.modified = changed;
    if (changed === dates.start) story.previous = failed ? 0 : 1;
  }
  mark(story, story.status, story.modified, dates.start);
  let beneath = story.status;
  for (const day of dates.later) {
    story.previous = story.status;
    if (day >= turns.brokenSince) beneath = 1;
    else if (!dates.forced.has(day) && hash(luck, day, 0, 42) % 40 === 0) beneath = beneath === 1 ? 0 : 1;
    const status = turns.statusOn(beneath, luck, day);
    if (status !== story.status) story.modified = day;
    story.status = status;
    if (status < 2) mark(story, status, day, day);
  }
}

/** Effects of events on a posture's history; days since 1970. */
export interface Turns {
  /** The control fails everywhere from then on. */
  readonly brokenSince: number;
  /** The status that a status found on that day becomes. */
  statusOn(status: Status, luck: number, day: number): Status;
}

const uneventful: Turns = { brokenSince: Infinity, statusOn: (status) => status };

function mark(story: History, status: Status, first: number, last: number): void {
  if (status === 1) {
    if (story.firstFail < 0) story.firstFail = first;
    story.lastFail = last;
  } else {
    if (story.firstPass < 0) story.firstPass = first;
    story.lastPass = last;
  }
}

/**
 * The members from `status` (its opening quote is already written) to `postureModifiedDate`, and the start of the
 * next.
 *
 * Takes   clock   `Thh:mm:ssZ` of this host's evaluations
 */
export function statusMembers(story: History, clock: string): string {
  const date = (day: number) => (day < 0 ? '"' : `"${dayText(day)}${clock}`);
  const previous =
    story.previous < 0 ? (story.status === 2 ? 'null' : '""') : `"${names[story.previous as Status]}"`;
  const modified = story.modified < 0 ? 'null' : `"${dayText(story.modified)}${clock}"`;
  return `${names[story.status]}","previousStatus":${previous},"firstFailDate":${date(story.firstFail)}","lastFailDate":${date(story.lastFail)}","firstPassDate":${date(story.firstPass)}","lastPassDate":${date(story.lastPass)}","postureModifiedDate":${modified},"lastEvaluatedDate":"`;
}
