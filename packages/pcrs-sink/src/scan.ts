import { isUtf8 } from 'node:buffer';
import { type ByteBlock, byteBlocks } from 'pcrs-records/lines';
import { type ColumnPath, headerWords } from './members.ts';

/** Whole lines, and where their members are. */
export interface Lines {
  readonly bytes: Buffer;
  readonly places: Int32Array;
  readonly extras: Int32Array;
  readonly count: number;
  readonly width: number;
  readonly unended: boolean;
}

/** What a line is, as the scanner has it; only of a plain one are the members known. */
export const verdict = { plain: 0, blank: 1, notObject: 2, notJson: 3, notUtf8: 4 } as const;

/** Stands in for the scanner of pcrs-json: finds lines only. */
export class LineScanner {
  addName(_: ColumnPath): number | undefined {
    return undefined;
  }

  async *lines(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Lines> {
    for await (const block of byteBlocks(chunks)) yield linesOf(block);
  }
}

function linesOf({ bytes, unterminated }: ByteBlock): Lines {
  const rows: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(0x0a, at);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(at, end);
    const found4 = isUtf8(line) ? verdict.notJson : verdict.notUtf8;
    rows.push(at, end, line.toString().trim() === '' ? verdict.blank : found4, 0, 0, 0);
    at = end + 1;
  }
  return {
    bytes,
    places: Int32Array.from(rows),
    extras: new Int32Array(),
    count: rows.length / headerWords,
    width: headerWords,
    unended: unterminated,
  };
}
