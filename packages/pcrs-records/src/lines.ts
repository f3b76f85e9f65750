import { codedError } from './errors.ts';

/** A block of whole lines. */
export interface LineBlock {
  /** Physical line number of the first line, from 1. */
  firstLine: number;
  /**
   * The lines without their line ends. Blank lines are included, so that line numbers stay right; skip them
   * with `isBlank`.
   */
  lines: string[];
}

/** V8's longest string, less a little: about 512 MiB. */
const maxLineBytes = 0x1fffffe8;
const newline = 0x0a;

/** A block of whole lines, not decoded. */
export interface ByteBlock {
  /** Physical line number of the first line, from 1. */
  firstLine: number;
  /** Every line ends in a newline, except the last of an unterminated block. */
  bytes: Buffer;
  /** The stream ended without a newline, possibly in mid-line. */
  unterminated: boolean;
}

/**
 * Passes a byte stream through.
 *
 * Throws  PCRS_RECORD if it starts like gzip or UTF-16
 */
export async function* textOnly(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && chunk.length > 0) {
      requireText(chunk);
      isFirst = false;
    }
    yield chunk;
  }
}

/** Throws PCRS_RECORD if a stream starts like gzip or UTF-16. */
export function requireText([first, second]: Uint8Array): void {
  if (first === 0x1f && second === 0x8b) {
    throw codedError('PCRS_RECORD', 'stdin: the stream is gzip-compressed; put gunzip -c | before this tool');
  }
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16 || first === 0 || second === 0) {
    throw codedError(
      'PCRS_RECORD',
      'stdin: the stream is UTF-16; put iconv -f UTF-16 -t UTF-8 | before this tool',
    );
  }
}

/**
 * Whole lines of a byte stream, byte for byte.
 *
 * Takes   chunks of any size; a leading BOM is dropped
 * Yields  blocks of whole lines, none empty
 * Limits  memory holds one chunk and one line; a line is at most about 512 MiB
 * Throws  PCRS_RECORD for a longer line
 */
export async function* byteBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<ByteBlock> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let firstLine = 1;
  let atStart = true;
  const take = (last: Uint8Array): Buffer => {
    const bytes = held.length === 0 ? asBuffer(last) : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    const marked = atStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    atStart = false;
    return marked ? bytes.subarray(3) : bytes;
  };
  for await (const chunk of chunks) {
    const end = asBuffer(chunk).lastIndexOf(newline) + 1;
    if (end > 0) {
      const bytes = take(chunk.subarray(0, end));
      yield { firstLine, bytes, unterminated: false };
      firstLine += newlines(bytes);
    }
    if (end < chunk.length) held.push(end > 0 ? chunk.subarray(end) : chunk);
    heldBytes += chunk.length - end;
    if (heldBytes > maxLineBytes) throw tooLong(firstLine);
  }
  const bytes = take(new Uint8Array());
  if (bytes.length > 0) yield { firstLine, bytes, unterminated: true };
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count += 1;
  return count;
}

/**
 * Lines of a byte stream, a block at a time.
 *
 * Takes   chunks of any size; a leading BOM is dropped; `\r\n` counts as `\n`; U+2028 does not end a line
 * Yields  blocks of whole lines; the last line may lack its newline
 * Limits  memory holds one chunk and one line; a line is at most about 512 MiB
 * Throws  PCRS_RECORD for a longer line
 */
export async function* lineBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<LineBlock> {
  for await (const { firstLine, bytes, unterminated } of byteBlocks(chunks)) {
    yield toBlock(unterminated ? bytes : bytes.subarray(0, -1), firstLine);
  }
}

function toBlock(bytes: Buffer, firstLine: number): LineBlock {
  if (bytes.length > maxLineBytes) throw tooLong(firstLine);
  const text = bytes.toString('utf8');
  const lines = text.split('\n');
  if (text.includes('\r')) {
    for (const [index, line] of lines.entries()) if (line.endsWith('\r')) lines[index] = line.slice(0, -1);
  }
  return { firstLine, lines };
}

function tooLong(line: number): Error {
  return codedError(
    'PCRS_RECORD',
    `stdin:${line}: the line is longer than about 512 MiB (the engine's limit)`,
  );
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether a line holds only white space. */
export function isBlank(line: string): boolean {
  return line.length === 0 || (line.charCodeAt(0) <= 0x20 && line.trim() === '');
}
