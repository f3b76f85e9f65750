import type { NamePath } from 'pcrs-json/lines';
import { type Block, BlockScanner } from './block-scanner.ts';
import { scanAhead } from './scan-ahead.ts';

/**
 * Scans a stream: the beginning on this thread, between two blocks; the rest of a long stream on a second thread.
 *
 * Takes   names            by slot; a name added later gets a slot in the following blocks
 *         threadFromBytes  default 8 MiB: starting a thread takes 20 ms
 * Yields  blocks that are valid until the next is asked for
 */
export async function* scannedBlocks(
  source: AsyncGenerator<Uint8Array>,
  names: readonly NamePath[],
  kinds: readonly string[],
  threadFromBytes = 8 << 20,
): AsyncGenerator<Block> {
  const options = { names: names.slice(), kinds };
  let known = names.length;
  const learned = () => {
    const fresh = names.slice(known);
    known = names.length;
    return fresh;
  };
  const scanner = new BlockScanner(options);
  let bytes = 0;
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      for (const block of scanner.push(next.value)) {
        yield block;
        scanner.learn(learned());
      }
      bytes += next.value.length;
      if (bytes < threadFromBytes) continue;
      known = options.names.length;
      yield* scanAhead(scanner.takeRest(), source, { ...options, isContinued: true }, learned);
      return;
    }
    yield* scanner.end();
  } finally {
    // A source that waits for its next chunk would let us wait too.
    source.return(undefined).catch(() => {});
  }
}
