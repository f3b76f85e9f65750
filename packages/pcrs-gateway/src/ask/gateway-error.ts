/** The codes that the suite's table of exit statuses knows. */
export type ErrorCode = 'PCRS_USAGE' | 'PCRS_REFUSED' | 'PCRS_GATEWAY' | 'PCRS_MACHINE' | 'PCRS_BROKEN_BODY';

/**
 * Why a question was given up.
 *
 * `status` an answer that stayed an error · `body` a body that broke again and again · `empty-break` a 200 that
 * broke before its first byte each time · `connection` and `timeout` nothing was answered · `wait` the gateway asked
 * for more patience than --max-wait · `redirect`, `fatal` an answer that another try would only repeat
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

/** An error with one of the suite's codes. It never has a `cause`: causes of HTTP libraries carry headers. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'CodedError';
    this.code = code;
  }
}

/**
 * A question that got no usable answer.
 *
 * Shapes  code PCRS_GATEWAY, or PCRS_REFUSED for 401 and 403; `status` of the last answer, where there was one;
 *         `tries` made, waits and token renewals not counted
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

/** Credentials that are refused or missing: status 4. */
export function refusedError(message: string): CodedError {
  return new CodedError('PCRS_REFUSED', message);
}

/** A body that ended too early or cannot be what the gateway meant to send; another try may do better. */
export function brokenBody(message: string): CodedError {
  return new CodedError('PCRS_BROKEN_BODY', message);
}

/** The `code` of anything that was thrown. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
