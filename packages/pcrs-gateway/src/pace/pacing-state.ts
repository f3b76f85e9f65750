import type { Holder } from 'pcrs-machine/process-alive';

/** Shared knowledge of all processes of a user about one endpoint of a gateway. Times: milliseconds since 1970. */
export interface PacingState {
  /** For each request in the window, the latest time at which the gateway can have counted it; ascending. */
  sent: number[];
  /** The limit that the gateway's headers gave last. */
  said?:
    | { requests: number; seconds: number; others: number; othersUntilMs: number; atMs: number }
    | undefined;
  /** The gateway demanded a wait until then. */
  blocked?: { untilMs: number; why: string } | undefined;
  inFlight: Slot[];
  /** The longest window that any process uses; younger requests are kept. */
  windowMs: number;
}

/** A request in flight; `seenMs` is its holder's last heartbeat. */
export interface Slot extends Holder {
  id: string;
  seenMs: number;
}

export interface PacingRule {
  rate: { requests: number; seconds: number };
  concurrency: number;
}

/** What is known about the process that holds a slot. A process elsewhere shows by its heartbeats that it lives. */
export type Whereabouts = 'here' | 'gone' | 'elsewhere';

/**
 * Why a request must wait, and for at least how long. A slot may become free at any time: at the latest after
 * `freeMs`, if a holder elsewhere shows no sign of life.
 */
export type Hindrance =
  | { kind: 'blocked'; waitMs: number; why: string }
  | { kind: 'rate'; waitMs: number; rate: string; isOurs: boolean }
  | { kind: 'slot'; freeMs?: number };

/** Interval of a holder's heartbeats. */
export const slotHeartbeatMs = 5000;
/** A slot without a heartbeat for this long is free, whether or not its process lives. */
export const slotStaleMs = 90_000;
/** The same for a holder in another container or on another machine, which may have been killed unseen. */
export const farSlotStaleMs = 30_000;
/** Silence of such a holder for longer is more than one late heartbeat. */
const quietMs = 2.5 * slotHeartbeatMs;
/** A wait given to one process binds the others for at most this long: a wrong header must not outlive its reader. */
export const bindingMs = 15 * 60_000;
/** Qualys' windows are a minute or an hour; more than a day in a header is a mistake. */
const longestWindowS = 86_400;
/** Two readings of one clock may differ this much after it was set. */
const clockStepMs = 5000;
/** More requests per window than any limit of Qualys allows. */
const maxSent = 20_000;
/** Both clocks tick in whole milliseconds. */
const tickMs = 2;

export function emptyState(): PacingState {
  return { sent: [], inFlight: [], windowMs: 0 };
}

/**
 * How long the gateway may take to count a request that was sent and not yet answered.
 *
 * The gateway counts a request at some time between its sending and the head of its answer. Until the head arrives,
 * the latest possible time is assumed. That costs at most 3 % of the window (of a short one more: up to 1 s).
 */
function landingMs(rate: { seconds: number }): number {
  const windowMs = rate.seconds * 1000;
  return Math.ceil(Math.max(windowMs * 0.03, Math.min(1000, windowMs / 2)));
}

/** The obstacle to a request right now, or undefined. Forgets expired entries. */
export function hindrance(
  state: PacingState,
  rule: PacingRule,
  now: number,
  whereabouts: (slot: Slot) => Whereabouts,
): Hindrance | undefined {
  forget(state, rule, now, whereabouts);
  if (state.blocked) {
    const { untilMs, why } = state.blocked;
    return { kind: 'blocked', waitMs: untilMs - now, why };
  }
  for (const limit of limits(state, rule, now)) {
    const waitMs = windowWaitMs(state.sent, limit, now);
    if (waitMs > 0) {
      const rate = `${limit.requests}/${limit.windowMs / 1000}`;
      return { kind: 'rate', waitMs, rate, isOurs: rate === `${rule.rate.requests}/${rule.rate.seconds}` };
    }
  }
  if (state.inFlight.length < rule.concurrency) return undefined;
  const far = state.inFlight.filter((slot) => whereabouts(slot) === 'elsewhere');
  const silentMs = Math.max(...far.map(({ seenMs }) => now - seenMs));
  return silentMs > quietMs ? { kind: 'slot', freeMs: farSlotStaleMs - silentMs } : { kind: 'slot' };
}

/** How many requests may go out right now, and after how many seconds the whole limit is free again. */
export function allowance(
  state: PacingState,
  rule: PacingRule,
  now: number,
): { left: number; seconds: number } {
  const left = limits(state, rule, now).map(({ requests, windowMs }) => ({
    left: Math.max(0, requests - inWindow(state.sent, windowMs, now).length),
    seconds: windowMs / 1000,
  }));
  return left.reduce((least, one) => (one.left < least.left ? one : least));
}

/** Counts a request that goes out now; yields the latest time at which the gateway will have counted it. */
export function depart(state: PacingState, rule: PacingRule, now: number): number {
  const latestMs = now + landingMs(rule.rate);
  state.sent.push(latestMs);
  return latestMs;
}

/** Records that the head of an answer has arrived, so the gateway has counted the request. */
export function land(state: PacingState, latestMs: number, now: number): void {
  const index = state.sent.lastIndexOf(latestMs);
  if (index >= 0) state.sent[index] = Math.min(now, latestMs);
}

/** Takes the limit from an answer's headers; the remaining number shows how much others use. */
export function hear(
  state: PacingState,
  rule: PacingRule,
  said: { limit: number | undefined; seconds: number | undefined; remaining: number | undefined },
  now: number,
): void {
  if (said.limit === undefined && said.remaining === undefined) return;
  if ((said.seconds ?? 0) > longestWindowS) return;
  const requests = Math.max(1, said.limit ?? rule.rate.requests);
  const seconds = said.seconds || rule.rate.seconds;
  const ours = state.sent.filter((at) => at > now - seconds * 1000).length;
  const others = said.remaining === undefined ? 0 : Math.max(0, requests - said.remaining - ours);
  state.said = { requests, seconds, others, othersUntilMs: now + seconds * 1000, atMs: now };
}

/** Records a wait demanded by the gateway, which also knows when others leave room. */
export function block(state: PacingState, waitMs: number, why: string, now: number): void {
  const untilMs = now + Math.min(waitMs, bindingMs);
  if (state.blocked && state.blocked.untilMs >= untilMs) return;
  state.blocked = { untilMs, why };
  if (state.said) state.said.othersUntilMs = Math.min(state.said.othersUntilMs, untilMs);
}

interface Limit {
  requests: number;
  windowMs: number;
  /** When the limit eases, even if none of our requests has left the window. */
  easesMs: number | undefined;
}

function limits(state: PacingState, rule: PacingRule, now: number): Limit[] {
  const flag = { requests: rule.rate.requests, windowMs: rule.rate.seconds * 1000, easesMs: undefined };
  if (!state.said) return [flag];
  const { requests, seconds, others, othersUntilMs } = state.said;
  const windowMs = seconds * 1000;
  if (others === 0 || othersUntilMs <= now) return [flag, { requests, windowMs, easesMs: undefined }];
  return [flag, { requests: Math.max(0, requests - others), windowMs, easesMs: othersUntilMs }];
}

function windowWaitMs(sent: readonly number[], limit: Limit, now: number): number {
  const { requests, windowMs, easesMs } = limit;
  const counted = inWindow(sent, windowMs, now);
  if (counted.length < requests) return 0;
  const leaver = requests === 0 ? undefined : counted[counted.length - requests];
  const freeMs = leaver === undefined ? Number.POSITIVE_INFINITY : leaver + windowMs + tickMs;
  return Math.max(1, Math.min(freeMs, easesMs ?? Number.POSITIVE_INFINITY) - now);
}

function inWindow(sent: readonly number[], windowMs: number, now: number): number[] {
  return sent.filter((at) => at + tickMs > now - windowMs);
}

function forget(
  state: PacingState,
  rule: PacingRule,
  now: number,
  whereabouts: (slot: Slot) => Whereabouts,
): void {
  if (state.said && !isBinding(state.said.atMs, now)) state.said = undefined;
  const { blocked } = state;
  if (blocked && (blocked.untilMs <= now || blocked.untilMs > now + bindingMs)) state.blocked = undefined;
  const windowMs = Math.max(rule.rate.seconds, state.said?.seconds ?? 0) * 1000;
  const before = state.sent.length === 0 ? 0 : Math.min(state.windowMs, longestWindowS * 1000);
  state.windowMs = Math.max(windowMs, before);
  // A clock that was set back must not turn the past into a future that blocks, or keep a slot from going stale.
  const latest = now + landingMs(rule.rate);
  state.sent = state.sent
    .map((at) => Math.min(at, latest))
    .filter((at) => at + tickMs > now - state.windowMs)
    .sort((a, b) => a - b)
    .slice(-maxSent);
  for (const slot of state.inFlight) slot.seenMs = Math.min(slot.seenMs, now);
  const staleMs = { here: slotStaleMs, elsewhere: farSlotStaleMs, gone: 0 };
  state.inFlight = state.inFlight.filter((slot) => now - slot.seenMs < staleMs[whereabouts(slot)]);
}

/** Recent, and not in the future. */
function isBinding(atMs: number, now: number): boolean {
  return atMs <= now + clockStepMs && atMs + bindingMs > now;
}

/** Parses a state file; anything invalid is an empty state. */
export function parseState(text: string): PacingState {
  try {
    const value = JSON.parse(text) as Partial<PacingState>;
    const { sent, said, blocked, inFlight, windowMs = 0 } = value;
    if (!Array.isArray(sent) || !Array.isArray(inFlight)) return emptyState();
    return {
      sent: sent.filter((at) => Number.isFinite(at)),
      said:
        said &&
        [said.requests, said.seconds, said.others, said.othersUntilMs, said.atMs].every(Number.isFinite)
          ? said
          : undefined,
      blocked:
        blocked && Number.isFinite(blocked.untilMs) ? { ...blocked, why: String(blocked.why) } : undefined,
      inFlight: inFlight.filter((slot) => typeof slot?.id === 'string' && Number.isFinite(slot.seenMs)),
      windowMs: Number.isFinite(windowMs) ? windowMs : 0,
    };
  } catch {
    return emptyState();
  }
}
