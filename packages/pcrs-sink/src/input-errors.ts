import { type CodedError, codedError, excerpt } from 'pcrs-records/errors';

/** Throws PCRS_RECORD for a stream that begins as one that is compressed, or UTF-16. */
export function requireText(chunk: Uint8Array): void {
  const [first, second] = chunk;
  if (first === 0x1f && second === 0x8b) {
    throw codedError('PCRS_RECORD', 'stdin: the stream is compressed with gzip; put gunzip -c | in front');
  }
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16 || first === 0 || second === 0) {
    throw codedError('PCRS_RECORD', 'stdin: the stream is UTF-16; put iconv -f UTF-16 -t UTF-8 | in front');
  }
}

/** The error for a line that is not JSON; the parser's error is its cause. */
export function notJson(text: string, line: number, cause: unknown): CodedError {
  const pretty = /^\s*[[{]\s*$/.test(text) ? ' (a document over several lines? try jq -c .)' : '';
  const message = `stdin:${line}: expected a record (a JSON object) on one line${pretty}, found ${excerpt(text)}`;
  return codedError('PCRS_RECORD', message, { cause });
}
