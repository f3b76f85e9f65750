import { byteBlocks } from 'pcrs-records/lines';
import { ByteLines } from './byte-lines.ts';
import type { ParserThread } from './parser-client.ts';
import type { PostureBatch } from './posture-batch.ts';

/**
 * The stream in blocks: at first as lines of bytes, and once it proves long, parsed in a thread of its own.
 *
 * Takes   threadAfterBytes  where the thread begins; its start costs as much as a few thousand records
 *         isReady           whether the thread may begin
 *         openThread        opens it; whoever does closes it
 */
export async function* inputBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  threadAfterBytes: number,
  isReady: () => boolean,
  openThread: () => Promise<ParserThread>,
): AsyncGenerator<ByteLines | PostureBatch> {
  const blocks = byteBlocks(chunks);
  try {
    for (let bytes = 0; bytes < threadAfterBytes || !isReady(); ) {
      const { done, value } = await blocks.next();
      if (done) return;
      bytes += value.bytes.length;
      yield new ByteLines(value);
    }
    const thread = await openThread();
    yield* thread.parse(blocks);
  } finally {
    blocks.return(undefined).catch(() => {});
  }
}
