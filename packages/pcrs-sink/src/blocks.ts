import type { NamePath } from 'pcrs-json/lines';
import { type Block, BlockScanner } from './block-scanner.ts';
import { scanAhead } from './scan-ahead.ts';

/**
 * Scans a stream: its beginning between two blocks, and if it is long, the rest in a thread of its own.
 *
 * Takes   names            by slot; those that are added while it scans get a slot in the blocks that follow
 *         threadFromBytes  default 8 MiB: to start a thread takes 20 ms
 * Yields  blocks that are good until the next is asked for
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
