import { crc32 } from 'node:zlib';
import { LineScanner, type Lines, type NamePath } from 'pcrs-json/lines';

/** Whole lines, the places of their members, and their checksums. */
export interface Block extends Lines {
  /** For each line: the CRC-32 of its bytes. */
  sums: Uint32Array;
}

/**
 * Scans a stream and sums its lines.
 *
 * Takes   names  by slot; a name added later gets its slot between two blocks, until there are too many
 * Yields  blocks that are valid until the next is asked for
 */
export async function* scannedBlocks(
  source: AsyncGenerator<Uint8Array>,
  names: readonly NamePath[],
  kinds: readonly string[],
): AsyncGenerator<Block> {
  const scanner = new LineScanner({ names: names.slice(), kinds });
  let known = names.length;
  const learn = () => {
    while (names[known] !== undefined && scanner.addName(names[known] as NamePath) === known) known += 1;
  };
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      for (const lines of scanner.push(next.value)) {
        yield { ...lines, sums: sumsOf(lines) };
        learn();
      }
    }
    for (const lines of scanner.end()) yield { ...lines, sums: sumsOf(lines) };
  } finally {
    // A source that waits for its next chunk would let us wait too.
    source.return(undefined).catch(() => {});
  }
}

function sumsOf({ bytes, places, count, width }: Lines): Uint32Array {
  const sums = new Uint32Array(count);
  // plain views: a Buffer view per line is slow to make
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let row = 0; row < count; row += 1)
    sums[row] = crc32(plain.subarray(places[row * width], places[row * width + 1]));
  return sums;
}
