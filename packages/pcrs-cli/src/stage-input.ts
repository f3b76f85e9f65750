import { isUtf8 } from 'node:buffer';
import { codedError, excerpt, recordError } from 'pcrs-records/errors';
import { parseExact } from 'pcrs-records/json';
import { isObject } from 'pcrs-records/kinds';
import { byteBlocks, isBlank, textOnly } from 'pcrs-records/lines';
import type { Context } from './tool.ts';

/** A non-blank line of a stage's input. */
export interface InputLine {
  /** Physical number on stdin, from 1. */
  number: number;
  /** The line's bytes, without its line end. */
  bytes: Buffer;
  /** The same as text; bytes that are not UTF-8 become U+FFFD. */
  text: string;
  /** The stream ended without a newline, possibly in the middle of this line. */
  unterminated: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Lines of stdin without blank ones. Warns about the first that is not UTF-8, since it is forwarded as it is.
 *
 * Throws  PCRS_RECORD for a compressed stream or UTF-16
 */
export async function* inputLines(context: Pick<Context, 'stdin' | 'log'>): AsyncGenerator<InputLine> {
  let isWarned = false;
  for await (const { bytes, firstLine, unterminated } of byteBlocks(textOnly(context.stdin))) {
    if (!isWarned && !isUtf8(bytes)) {
      isWarned = true;
      context.log.warn(`stdin:${firstLine}: this line or a later one is not UTF-8`);
    }
    let number = firstLine;
    for (let at = 0; at < bytes.length; number += 1) {
      const found = bytes.indexOf(lineFeed, at);
      const end = found < 0 ? bytes.length : found;
      const line = bytes.subarray(at, bytes[end - 1] === carriageReturn && end > at ? end - 1 : end);
      const text = line.toString('utf8');
      if (!isBlank(text)) yield { number, bytes: line, text, unterminated };
      at = end + 1;
    }
  }
}

/** Undefined if the line is not JSON. */
export function parsedLine({ text }: InputLine): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** Kind of a value: undefined if it has none; a kind that is not a string matches nothing. */
export function kindOf(value: unknown): string | undefined {
  if (!isObject(value) || !Object.hasOwn(value, 'kind')) return undefined;
  return typeof value['kind'] === 'string' ? value['kind'] : '';
}

/** The error for a line that is not JSON; if it is the last and has no newline, the stream was cut. */
export function notJson(line: InputLine, expected: string): Error {
  if (line.unterminated) {
    return codedError(
      'PCRS_INCOMPLETE',
      `stdin:${line.number}: the stream was cut off in the middle of a line: ${excerpt(line.text)}`,
    );
  }
  const pretty = /^\s*[[{]\s*$/.test(line.text) ? ' (a document over several lines? try jq -c .)' : '';
  return recordError(line.number, `${expected}, one JSON value per line${pretty}`, line.text);
}
