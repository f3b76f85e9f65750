import { isUtf8 } from 'node:buffer';
import { byteBlocks, isBlank, type LineBlock } from 'pcrs-records/lines';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const notAscii = /[\u0080-\u00ff]/;

/**
 * Lines of a byte stream as byte texts: each character is a byte of UTF-8.
 *
 * What JSON is made of is ASCII, so a byte text is scanned, cut and compared as the text itself would be. Only what is
 * kept of it must be `decoded`: that is little, and V8 holds byte texts in half the memory.
 *
 * Takes   chunks in any cutting; a leading BOM is passed over; `\r\n` counts as `\n`
 * Yields  blocks of whole lines; what was not UTF-8 is U+FFFD, as bytes
 * Throws  PCRS_RECORD where a line is longer than about 512 MiB
 */
export async function* byteLineBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<LineBlock> {
  for await (const { firstLine, bytes, unterminated } of byteBlocks(chunks)) {
    const invalidUtf8 = !isUtf8(bytes);
    const lines = linesOf(invalidUtf8 ? Buffer.from(bytes.toString()) : bytes);
    yield { firstLine, lines, unterminated, invalidUtf8 };
  }
}

/** A line is cut out of the bytes, not out of one long text: what is kept of it then holds on to no more than the line. */
function linesOf(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(lineFeed, at);
    const end = found < 0 ? bytes.length : found;
    const textEnd = end > at && bytes[end - 1] === carriageReturn ? end - 1 : end;
    lines.push(bytes.toString('latin1', at, textEnd));
    at = end + 1;
  }
  return lines;
}

/** The text whose UTF-8 a byte text holds. */
export function decoded(bytes: string): string {
  return notAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString() : bytes;
}

/** Whether a line of bytes holds nothing but white space. */
export function isBlankLine(bytes: string): boolean {
  return bytes.length === 0 || (bytes.charCodeAt(0) <= 0x20 && isBlank(decoded(bytes)));
}

/** A copy that does not hold on to the byte text it was cut from. */
export function detached(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('latin1');
}
