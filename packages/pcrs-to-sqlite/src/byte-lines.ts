import { isUtf8 } from 'node:buffer';
import { type ByteBlock, isBlank } from 'pcrs-records/lines';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const notAscii = /[^\u0000-\u007f]/;

/**
 * The lines of a block as byte texts: each character is a byte of UTF-8.
 *
 * What JSON is made of is ASCII, so a byte text is scanned, cut and compared as the text itself would be. Only what is
 * kept of it must be `decoded`: that is little, and V8 holds byte texts in half the memory.
 *
 * Yields  lines without their ends, each made when it is asked for: one that is read at once is young when it dies
 */
export class ByteLines implements Iterable<string> {
  /** Physical number of the first line, from 1. */
  readonly firstLine: number;
  /** There is one line, and it came without a newline: the stream ended there, perhaps in the middle of it. */
  readonly unterminated: boolean;
  /** Bytes that were not UTF-8 are U+FFFD in the lines. */
  readonly invalidUtf8: boolean;
  readonly #bytes: Buffer;

  constructor({ bytes, firstLine, unterminated }: ByteBlock) {
    this.firstLine = firstLine;
    this.unterminated = unterminated;
    this.invalidUtf8 = !isUtf8(bytes);
    this.#bytes = this.invalidUtf8 ? Buffer.from(bytes.toString()) : bytes;
  }

  *[Symbol.iterator](): Generator<string> {
    const bytes = this.#bytes;
    for (let at = 0; at < bytes.length; ) {
      const found = bytes.indexOf(lineFeed, at);
      const end = found < 0 ? bytes.length : found;
      yield bytes.toString('latin1', at, end > at && bytes[end - 1] === carriageReturn ? end - 1 : end);
      at = end + 1;
    }
  }

  /** The lines that are not blank, with their numbers. */
  *records(): Generator<[text: string, line: number]> {
    let line = this.firstLine;
    for (const text of this) {
      if (!isBlankLine(text)) yield [text, line];
      line += 1;
    }
  }
}

/** The text whose UTF-8 a byte text holds. */
export function decoded(bytes: string): string {
  return notAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes;
}

/** Whether a text is its own byte text. */
export function isAscii(text: string): boolean {
  return !notAscii.test(text);
}

/** A text as a byte text. */
export function encoded(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** A copy that does not hold on to the byte text it was cut from. */
export function detached(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('latin1');
}

function isBlankLine(bytes: string): boolean {
  return bytes.length === 0 || (bytes.charCodeAt(0) <= 0x20 && isBlank(decoded(bytes)));
}
