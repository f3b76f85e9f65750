/** Limits of a request, in time and tries. */
export interface Limits {
  /** Time without a byte. */
  timeoutMs: number;
  /** Tries after the first. */
  retries: number;
  /** Sum of the waits that the gateway demands until it answers. */
  maxWaitMs: number;
  /** From a request to the last byte of its answer; default 4 h. */
  lifeMs?: number | undefined;
  /** The shortest backoff is half of it; default 500. */
  backoffBaseMs?: number | undefined;
}

/** The limits among other options, with defaults for those without a flag. */
export function limitsOf({
  timeoutMs,
  retries,
  maxWaitMs,
  lifeMs = 4 * 3_600_000,
  backoffBaseMs = 500,
}: Limits): AllLimits {
  return { timeoutMs, retries, maxWaitMs, lifeMs, backoffBaseMs };
}

/** Limits, none left to a default. */
export type AllLimits = { [K in keyof Limits]-?: number };
