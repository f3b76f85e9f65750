/** Error codes that the suite's table of exit statuses knows. */
export type ErrorCode = 'PCRS_USAGE' | 'PCRS_REFUSED' | 'PCRS_GATEWAY' | 'PCRS_MACHINE' | 'PCRS_BROKEN_BODY';

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

/** An error with one of the suite's codes. Never has a `cause`: an HTTP library's errors carry headers. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'CodedError';
    this.code = code;
  }
}

/**
 * A request without a usable answer.
 *
 * Shapes code PCRS_GATEWAY, or PCRS_REFUSED for 401 and 403; `status` of the last answer, if there was one; `tries`
 * made, without waits and token renewals
 */
export class GatewayError extends CodedError {
  readonly reason: Reason;
  readonly status: number | undefined;
  readonly tries: number;

  constructor(
    code: 'PCRS_GATEWAY' | 'PCRS_REFUSED',
    message: string,
    facts: { reason: Reason; status?: number | undefined; tries: number },
  ) {
    super(code, message);
    this.name = 'GatewayError';
    this.reason = facts.reason;
    this.status = facts.status;
    this.tries = facts.tries;
  }
}

/** A wrong flag, environment value, profile or record: status 2. */
export function usageError(message: string): CodedError {
  return new CodedError('PCRS_USAGE', message);
}

/** Credentials refused or missing: status 4. */
export function refusedError(message: string): CodedError {
  return new CodedError('PCRS_REFUSED', message);
}

/** A body that ended too early or cannot be what the gateway meant to send; retrying may help. */
export function brokenBody(message: string): CodedError {
  return new CodedError('PCRS_BROKEN_BODY', message);
}

/** The `code` of a thrown value. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
