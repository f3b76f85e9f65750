import { type CodedError, codedError, codeOf, excerpt } from 'pcrs-records/errors';

/** The error for a line that is not JSON; the parser's error is its cause. */
export function notJson(text: string, line: number, cause: unknown): CodedError {
  const pretty = /^\s*[[{]\s*$/.test(text) ? ' (a document over several lines? try jq -c .)' : '';
  const message = `stdin:${line}: expected a record (a JSON object) on one line${pretty}, found ${excerpt(text)}`;
  return codedError('PCRS_RECORD', message, { cause });
}

/** Whether an error is about the input, so that earlier records stand. */
export function isAboutInput(error: unknown): boolean {
  return ['PCRS_RECORD', 'PCRS_INCOMPLETE'].includes(codeOf(error) ?? '');
}
