import { spelledOut } from './terminal-text.ts';

/** Error codes of the suite; `pcrs-cli` maps them to exit statuses. */
export type ErrorCode =
  | 'PCRS_MACHINE'
  | 'PCRS_USAGE'
  | 'PCRS_RECORD'
  | 'PCRS_REFUSED'
  | 'PCRS_GATEWAY'
  | 'PCRS_INCOMPLETE'
  | 'PCRS_EMPTY'
  | 'PCRS_GATE'
  | 'PCRS_BUSY'
  | 'PCRS_INTERRUPTED'
  | 'PCRS_READER_GONE';

export interface CodedError extends Error {
  code: ErrorCode;
}

/**
 * An error with a code and a one-line message `where: what; what next`, without the tool's name.
 */
export function codedError(code: ErrorCode, message: string, options?: ErrorOptions): CodedError {
  return Object.assign(new Error(message, options), { code });
}

/**
 * An error for an unusable input line.
 *
 * Takes  line      physical line number on stdin, from 1
 *        expected  description of valid input
 *        found     the line's text; its first 80 characters are quoted
 */
export function recordError(line: number, expected: string, found: string): CodedError {
  return codedError('PCRS_RECORD', `stdin:${line}: expected ${expected}, found ${excerpt(found)}`);
}

/** The first 80 characters of a text, on one line, safe for a terminal. */
export function excerpt(text: string): string {
  const shown = spelledOut(text.trimStart().slice(0, 80));
  return shown.length === 0 ? 'nothing' : text.trimStart().length > 80 ? `${shown}…` : shown;
}

/** The `code` of a thrown value. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
