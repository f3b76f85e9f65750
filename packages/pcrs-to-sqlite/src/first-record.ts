import { isBlank, requireText } from 'pcrs-records/lines';

/** The first line of a stream that is not blank. */
export interface FirstRecord {
  text: string;
  /** From 1. */
  line: number;
  /** It has no newline: the stream ended there, possibly in mid-line. */
  isLast: boolean;
  /** The stream from its beginning. */
  chunks: AsyncGenerator<Uint8Array>;
}

const lineFeed = 0x0a;

/**
 * Reads up to the end of a stream's first record.
 *
 * Yields  undefined if it has none
 * Throws  PCRS_RECORD for a compressed or UTF-16 stream
 */
export async function readFirstRecord(source: AsyncGenerator<Uint8Array>): Promise<FirstRecord | undefined> {
  const held: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await source.next();
    if (held.length === 0 && value) requireText(value);
    if (value) held.push(value);
    if (!done && !value.includes(lineFeed)) continue;
    const lines = Buffer.concat(held)
      .toString()
      .replace(/^\ufeff/, '')
      .split('\n');
    const place = lines.findIndex((text, index) => !isBlank(text) && (done || index < lines.length - 1));
    if (place >= 0) {
      const text = (lines[place] as string).trimEnd();
      return { text, line: place + 1, isLast: place === lines.length - 1, chunks: from(held, source) };
    }
    if (done) return undefined;
  }
}

async function* from(held: Uint8Array[], source: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* held.splice(0);
    yield* source;
  } finally {
    // Not awaited: a source waiting for its next chunk would make us wait too.
    source.return(undefined).catch(() => {});
  }
}
