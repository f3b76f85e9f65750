/** What bounds a question to the gateway, in time and tries. */
export interface Limits {
  /** Without a byte. */
  timeoutMs: number;
  /** Tries after the first. */
  retries: number;
  /** All waits that the gateway asks for, until it answers. */
  maxWaitMs: number;
  /** From a request to the last byte of its answer; default 4 h. */
  lifeMs?: number | undefined;
  /** The shortest backoff is half of it; default 500. */
  backoffBaseMs?: number | undefined;
}

/** The limits among more options, with the defaults that no flag changes. */
export function limitsOf({
  timeoutMs,
  retries,
  maxWaitMs,
  lifeMs = 4 * 3_600_000,
  backoffBaseMs = 500,
}: Limits): AllLimits {
  return { timeoutMs, retries, maxWaitMs, lifeMs, backoffBaseMs };
}

/** Limits with nothing left to a default. */
export type AllLimits = { [K in keyof Limits]-?: number };
