import { type CodedError, codedError } from 'pcrs-records/errors';

/**
 * Reason for giving up a request.
 *
 * `status` the answer stayed an error · `body` the body broke again and again · `empty-break` a 200 broke before its
 * first byte each time · `connection` and `timeout` no answer · `wait` the gateway demanded more than --max-wait ·
 * `redirect`, `fatal` retrying would not help
 */
export type Reason =
  | 'status'
  | 'body'
  | 'empty-break'
  | 'connection'
  | 'timeout'
  | 'wait'
  | 'redirect'
  | 'fatal';

/**
 * A request without a usable answer. Never has a `cause`: an HTTP library's errors carry headers.
 *
 * Shapes code PCRS_GATEWAY, or PCRS_REFUSED for 401 and 403; `status` of the last answer, if there was one; `tries`
 * made, without waits and token renewals
 */
export class GatewayError extends Error {
  readonly code: 'PCRS_GATEWAY' | 'PCRS_REFUSED';
  readonly reason: Reason;
  readonly status: number | undefined;
  readonly tries: number;

  constructor(
    code: GatewayError['code'],
    message: string,
    facts: { reason: Reason; status?: number | undefined; tries: number },
  ) {
    super(message);
    this.name = 'GatewayError';
    this.code = code;
    this.reason = facts.reason;
    this.status = facts.status;
    this.tries = facts.tries;
  }
}

/** A wrong flag, environment value, profile or record: status 2. */
export function usageError(message: string): CodedError {
  return codedError('PCRS_USAGE', message);
}

/** Credentials refused or missing: status 4. */
export function refusedError(message: string): CodedError {
  return codedError('PCRS_REFUSED', message);
}
