import { isUtf8 } from 'node:buffer';
import { codedError } from './errors.ts';

/** Whole lines that arrived together. */
export interface LineBlock {
  /** Physical number of the first line, from 1. */
  firstLine: number;
  /** Without their line ends. Blank lines are kept, so that numbers stay right; skip them with `isBlank`. */
  lines: string[];
  /** The last line came without a newline: the stream ended there, perhaps in the middle of it. */
  unterminated: boolean;
  /** Bytes that were not UTF-8 became U+FFFD in this block. */
  invalidUtf8: boolean;
}

/** The longest text V8 can hold, less a little: about 512 MiB. */
const maxLineBytes = 0x1fffffe8;

/**
 * Lines of a byte stream, a block at a time.
 *
 * Takes   chunks in any cutting; a leading BOM is passed over; `\r\n` counts as `\n`; U+2028 does not end a line
 * Yields  blocks of whole lines; the last block may hold a line that had no newline
 * Limits  memory holds one chunk and one line; a line is at most about 512 MiB
 * Throws  PCRS_RECORD where a line is longer
 */
export async function* lineBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<LineBlock> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let firstLine = 1;
  let atStart = true;
  const take = (last: Uint8Array): Buffer => {
    const bytes = held.length === 0 ? asBuffer(last) : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    const body =
      atStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
    atStart = false;
    return body;
  };
  for await (const chunk of chunks) {
    const end = asBuffer(chunk).lastIndexOf(0x0a);
    if (end < 0) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes > maxLineBytes) throw tooLong(firstLine);
      continue;
    }
    const block = toBlock(take(chunk.subarray(0, end)), firstLine, false);
    firstLine += block.lines.length;
    if (end + 1 < chunk.length) {
      held.push(chunk.subarray(end + 1));
      heldBytes = chunk.length - end - 1;
    }
    yield block;
  }
  if (heldBytes > 0) yield toBlock(take(new Uint8Array()), firstLine, true);
}

function toBlock(bytes: Buffer, firstLine: number, unterminated: boolean): LineBlock {
  if (bytes.length > maxLineBytes) throw tooLong(firstLine);
  const text = bytes.toString('utf8');
  const lines = text.split('\n');
  if (text.includes('\r')) {
    for (const [index, line] of lines.entries()) if (line.endsWith('\r')) lines[index] = line.slice(0, -1);
  }
  return { firstLine, lines, unterminated, invalidUtf8: !isUtf8(bytes) };
}

function tooLong(line: number): Error {
  return codedError('PCRS_RECORD', `stdin:${line}: a line may be about 512 MiB long (the engine's limit)`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether a line holds nothing but white space, and so no record. */
export function isBlank(line: string): boolean {
  return line.length === 0 || (line.charCodeAt(0) <= 0x20 && line.trim() === '');
}
