import type { Holder } from 'pcrs-machine/process-alive';

/** What all processes of a user know together about one endpoint of a gateway. Times: milliseconds since 1970. */
export interface PacingState {
  /** For each request in the window, the latest time at which the gateway can have counted it; ascending. */
  sent: number[];
  /** The last word of the gateway's own headers on its limit. */
  said?:
    | { requests: number; seconds: number; others: number; othersUntilMs: number; atMs: number }
    | undefined;
  /** The gateway said: not before. */
  blocked?: { untilMs: number; why: string } | undefined;
  inFlight: Slot[];
  /** The longest window that any process looks at; what is younger is not forgotten. */
  windowMs: number;
}

/** A request on its way; `seenMs` is its holder's last sign of life. */
export interface Slot extends Holder {
  id: string;
  seenMs: number;
}

export interface PacingRule {
  rate: { requests: number; seconds: number };
  concurrency: number;
}

/** Why a request must wait, and for how long at least; a slot is freed at any time. */
export type Hindrance =
  | { kind: 'blocked'; waitMs: number; why: string }
  | { kind: 'rate'; waitMs: number; rate: string; isOurs: boolean }
  | { kind: 'slot' };

/** A slot whose holder shows no sign of life for so long is free, whatever its process number says. */
export const slotStaleMs = 90_000;
/** What one process was told binds the others for so long at most: a mistake in a header must not outlive its reader. */
export const bindingMs = 15 * 60_000;
/** Windows of Qualys are a minute or an hour; a header that says more than a day is a mistake. */
const longestWindowS = 86_400;
/** Two readings of one clock may differ by this much after it was set. */
const clockStepMs = 5000;
/** More requests in one window than any limit of Qualys allows. */
const maxSent = 20_000;
/** Clocks tick in whole milliseconds, here and there. */
const tickMs = 2;

export function emptyState(): PacingState {
  return { sent: [], inFlight: [], windowMs: 0 };
}

/**
 * How long the gateway may take to count a request that was sent and not yet answered.
 *
 * A request is counted somewhere between its sending and the head of its answer. Until that head is here, the latest
 * possible time is assumed; 3 % of the window (of a short one more: up to 1 s) is all it may cost.
 */
export function landingMs(rate: { seconds: number }): number {
  const windowMs = rate.seconds * 1000;
  return Math.ceil(Math.max(windowMs * 0.03, Math.min(1000, windowMs / 2)));
}

/** What stands in the way of a request now, or undefined. Forgets what is over. */
export function hindrance(
  state: PacingState,
  rule: PacingRule,
  now: number,
  isGone: (slot: Slot) => boolean,
): Hindrance | undefined {
  forget(state, rule, now, isGone);
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
  return state.inFlight.length >= rule.concurrency ? { kind: 'slot' } : undefined;
}

/** How many requests may go out at once now, and in how many seconds all that may are allowed again. */
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

/** The head of the answer is here, so the gateway has counted the request. */
export function land(state: PacingState, latestMs: number, now: number): void {
  const index = state.sent.lastIndexOf(latestMs);
  if (index >= 0) state.sent[index] = Math.min(now, latestMs);
}

/** Takes what the head of an answer says of the gateway's limit: who else uses it shows in what remains. */
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

/** The gateway said: not before. It knows when the others leave room, too. */
export function block(state: PacingState, waitMs: number, why: string, now: number): void {
  const untilMs = now + Math.min(waitMs, bindingMs);
  if (state.blocked && state.blocked.untilMs >= untilMs) return;
  state.blocked = { untilMs, why };
  if (state.said) state.said.othersUntilMs = Math.min(state.said.othersUntilMs, untilMs);
}

interface Limit {
  requests: number;
  windowMs: number;
  /** When it may be less strict, though nothing of ours has left the window. */
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

function forget(state: PacingState, rule: PacingRule, now: number, isGone: (slot: Slot) => boolean): void {
  if (state.said && !isBinding(state.said.atMs, now)) state.said = undefined;
  const { blocked } = state;
  if (blocked && (blocked.untilMs <= now || blocked.untilMs > now + bindingMs)) state.blocked = undefined;
  const windowMs = Math.max(rule.rate.seconds, state.said?.seconds ?? 0) * 1000;
  const before = state.sent.length === 0 ? 0 : Math.min(state.windowMs, longestWindowS * 1000);
  state.windowMs = Math.max(windowMs, before);
  // A clock that was set back must not make the past a future that blocks, or a slot that never gets stale.
  const latest = now + landingMs(rule.rate);
  state.sent = state.sent
    .map((at) => Math.min(at, latest))
    .filter((at) => at + tickMs > now - state.windowMs)
    .sort((a, b) => a - b)
    .slice(-maxSent);
  for (const slot of state.inFlight) slot.seenMs = Math.min(slot.seenMs, now);
  state.inFlight = state.inFlight.filter((slot) => slot.seenMs > now - slotStaleMs && !isGone(slot));
}

/** Said not too long ago, and not in the future. */
function isBinding(atMs: number, now: number): boolean {
  return atMs <= now + clockStepMs && atMs + bindingMs > now;
}

/** A state as it was read from a file; anything that is not one is an empty one. */
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
