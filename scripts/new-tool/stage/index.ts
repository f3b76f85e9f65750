import { recordError } from 'pcrs-records/errors';
import { isObject } from 'pcrs-records/kinds';
import { isBlank, lineBlocks } from 'pcrs-records/lines';

/**
 * The records of a stream as lines, in order.
 *
 * Takes   an NDJSON stream in any chunking
 * Yields  each record as a line with its line end
 * Throws  PCRS_RECORD for a line that is not a record; lines already yielded stand
 */
export async function* passedOn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const { firstLine, lines } of lineBlocks(chunks)) {
    for (const [index, line] of lines.entries()) {
      if (isBlank(line)) continue;
      if (!isRecord(line)) throw recordError(firstLine + index, 'a record (a JSON object)', line);
      yield `${line}\n`;
    }
  }
}

function isRecord(line: string): boolean {
  try {
    return isObject(JSON.parse(line));
  } catch {
    return false;
  }
}
