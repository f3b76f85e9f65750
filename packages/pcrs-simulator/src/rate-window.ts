/** At most `requests` per `seconds`. */
export interface RateLimit {
  readonly requests: number;
  readonly seconds: number;
}

/** The window's answer to a request. */
interface RateVerdict {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until one more is allowed; 0 if one is now. */
  readonly waitSeconds: number;
}

/**
 * A rolling window per key: a request counts for exactly `seconds` from the moment it was allowed; refused requests
 * do not count.
 *
 * Source  Qualys gateway APIs, rate limits: rolling window, per API
 *         (docs.qualys.com/en/oca/api/v2/oca_api/api_rate_limits.htm)
 */
export class RateWindow {
  readonly limit: RateLimit;
  readonly #allowed = new Map<string, number[]>();

  constructor(limit: RateLimit) {
    this.limit = limit;
  }

  take(key: string, nowMs: number): RateVerdict {
    const { requests, seconds } = this.limit;
    const times = this.#allowed.get(key) ?? [];
    const kept = times.filter((time) => time > nowMs - seconds * 1000);
    const allowed = kept.length < requests;
    if (allowed) kept.push(nowMs);
    this.#allowed.set(key, kept);
    const waitMs = allowed ? 0 : (kept[0] as number) + seconds * 1000 - nowMs;
    return { allowed, remaining: requests - kept.length, waitSeconds: Math.ceil(waitMs / 1000) };
  }
}

/** The headers of a verdict. */
export function rateHeaders(limit: RateLimit, verdict: RateVerdict): Record<string, string> {
  return {
    'X-RateLimit-Limit': String(limit.requests),
    'X-RateLimit-Window-Sec': String(limit.seconds),
    'X-RateLimit-Remaining': String(verdict.remaining),
    ...(verdict.allowed ? {} : { 'X-RateLimit-ToWait-Sec': String(verdict.waitSeconds) }),
  };
}
