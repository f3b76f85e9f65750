import { counted } from 'pcrs-records/counted';
import type { MissingSlice } from 'pcrs-records/kinds';
import type { Slice } from './slices.ts';

/** What a failure means for the slice and the stage. */
export type Verdict =
  /** Its two halves may succeed. */
  | 'halve'
  /** Give up this slice, continue with the rest. */
  | 'give up'
  /** The next request would fail the same way. */
  | 'stop';

/** An error of `gateway.ask`, by its members, not its class: packages share shapes only. */
interface Failure {
  code?: unknown;
  reason?: unknown;
  status?: unknown;
  message?: unknown;
}

/** What to do about a failed slice. */
export function judge(error: unknown, slice: Slice): Verdict {
  const { code, reason } = error as Failure;
  if (code !== 'PCRS_GATEWAY') return 'stop';
  if (reason === 'body' || isServerError(error)) return slice.hosts > 1 ? 'halve' : 'give up';
  return ['empty-break', 'connection', 'timeout', 'status'].includes(String(reason)) ? 'give up' : 'stop';
}

/**
 * Sign of a failure: the same sign several times in a row means that the gateway is gone. Undefined: only this slice
 * is affected.
 */
export function signOfOutage(error: unknown): string | undefined {
  const { reason, status } = (error ?? {}) as Failure;
  if (isServerError(error)) return `status ${String(status)}`;
  return reason === 'connection' || reason === 'timeout' ? reason : undefined;
}

/** A slice as `end` lists it. */
export function missingSlice(slice: Slice, error: unknown): MissingSlice {
  return {
    policies: slice.policies.map((policy) => policy.policyId),
    hosts: slice.hosts,
    firstHostId: slice.policies[0]?.hostIds[0] ?? '',
    error: String((error as Failure).message),
  };
}

/** `policy 5772988, 50 hosts from 118772`, for messages. */
export function describeSlice(slice: Slice): string {
  const [first] = slice.policies;
  const more = slice.policies.length - 1;
  const policies = more === 0 ? `policy ${first?.policyId}` : `policy ${first?.policyId} and ${more} more`;
  const hosts =
    slice.hosts === 1
      ? `host ${first?.hostIds[0]}`
      : `${counted(slice.hosts, 'host')} from ${first?.hostIds[0]}`;
  return `${policies}, ${hosts}`;
}

function isServerError(error: unknown): boolean {
  const { reason, status } = (error ?? {}) as Failure;
  return reason === 'status' && typeof status === 'number' && status >= 500;
}
