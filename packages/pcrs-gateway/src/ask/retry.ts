import type { HttpHeaders } from '../http/exchange.ts';

/** What to do with an answer: read it, wait, retry, or give up. */
export type Verdict =
  | { kind: 'answer' }
  | { kind: 'wait'; toldMs: number | undefined }
  | { kind: 'try' }
  | { kind: 'token' }
  | { kind: 'refused' }
  | { kind: 'redirect' }
  | { kind: 'fatal' };

/** Qualys' codes in a 409 that mean "too much at once", not "wrong". Source: Qualys API error codes, appendix D. */
const limitCodes = new Set([1959, 1960, 1965, 1966]);

/**
 * The meaning of an answer's status, headers and, for 409, the code in its body.
 *
 * 429, 409 with a limit code and 503 with a wait header are waits; other 5xx and 408 are retried; 401 needs another
 * token; retrying the rest would not help.
 */
export function judgeAnswer(
  status: number,
  headers: HttpHeaders,
  code: number | undefined,
  now: number,
): Verdict {
  if (status === 200 || status === 203 || status === 204) return { kind: 'answer' };
  const toldMs = toldWaitMs(headers, now);
  if (status === 429) return { kind: 'wait', toldMs };
  if (status === 409 && (code === undefined || limitCodes.has(code))) return { kind: 'wait', toldMs };
  if (status === 503 && toldMs !== undefined) return { kind: 'wait', toldMs };
  if (status >= 500 || status === 408 || (status >= 200 && status < 300)) return { kind: 'try' };
  if (status === 401) return { kind: 'token' };
  if (status === 403) return { kind: 'refused' };
  if (status >= 300 && status < 400) return { kind: 'redirect' };
  return { kind: 'fatal' };
}

/** A longer wait, a day and the margin, is a mistake in the header. */
export const longestMeantMs = 24 * 3_600_000 + 1000;

/**
 * The wait that an answer demands: `X-RateLimit-ToWait-Sec`, else `Retry-After` in seconds or as a date, which is
 * counted from the answer's own `Date`. A past date means no wait; one more than a day away cannot be meant.
 */
export function toldWaitMs(headers: HttpHeaders, now: number): number | undefined {
  const toWait = decimal(header(headers, 'x-ratelimit-towait-sec'));
  if (toWait !== undefined) return toWait * 1000;
  const after = header(headers, 'retry-after');
  const seconds = decimal(after);
  if (seconds !== undefined) return seconds * 1000;
  // Date.parse reads '-5' and '5 minutes' as days of the year 2001: require a time of day.
  const date = after !== undefined && /\d:\d\d/.test(after) ? Date.parse(after) : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  const sent = Date.parse(header(headers, 'date') ?? '');
  const ms = date - (Number.isNaN(sent) ? now : sent);
  return Math.abs(ms) > longestMeantMs ? Math.abs(ms) : Math.max(0, ms);
}

/** Pause before the n-th repetition (from 1) of a request that the gateway asked to wait, with or without a time. */
export function waitMs(toldMs: number | undefined, n: number, baseMs: number): number {
  return toldMs ? toldMs + waitMarginMs(toldMs) : waitBackoffMs(n, baseMs);
}

/** Added to a demanded wait, whose seconds may be rounded down: a tenth and 0.1 s, at most 1 s. */
export function waitMarginMs(toldMs: number): number {
  return Math.min(1000, 100 + toldMs / 10);
}

/** Why a wait is too long, after the time waited so far; a wait of 0 has no known end. In milliseconds. */
export function tooLong(waitMs: number, waitedMs: number, maxWaitMs: number): string {
  const most = `--max-wait (${seconds(maxWaitMs)} s)`;
  if (waitMs > longestMeantMs)
    return `the wait it asks for is not plausible (${Math.round(waitMs / 86_400_000)} days)`;
  if (waitMs > maxWaitMs) return `a wait of ${seconds(waitMs)} s exceeds ${most}`;
  if (waitMs === 0) return `waited ${seconds(waitedMs)} s, all that ${most} allows`;
  return `waiting ${seconds(waitMs)} s more, after ${seconds(waitedMs)} s so far, exceeds ${most}`;
}

/** Milliseconds as seconds, with a decimal below 10. */
export function seconds(ms: number): string {
  return ms < 10_000 ? String(Math.round(ms / 100) / 10) : String(Math.round(ms / 1000));
}

/**
 * Pause before the n-th repetition (from 1) of a failed request: half to all of base × 3^(n−1), at most 60 s. The
 * first is short, because most failures are idle connections that closed; six of them last a minute or two.
 */
export function tryBackoffMs(n: number, baseMs: number, random = Math.random): number {
  return jitter(Math.min(60_000, baseMs * 3 ** (n - 1)), random);
}

/** The n-th wait (from 1) that the gateway demanded without a time: base × 2^n, half to all, at most 300 s. */
export function waitBackoffMs(n: number, baseMs: number, random = Math.random): number {
  return jitter(Math.min(300_000, baseMs * 2 ** n), random);
}

/** A header's first value. */
export function header(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** A header's non-negative number, or undefined. */
export function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

function jitter(ms: number, random: () => number): number {
  return ms / 2 + (random() * ms) / 2;
}
