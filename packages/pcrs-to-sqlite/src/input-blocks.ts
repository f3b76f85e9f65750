import type { LineBlock } from 'pcrs-records/lines';
import { byteLineBlocks } from './byte-lines.ts';
import type { ParserThread } from './parser-client.ts';
import type { PostureBatch } from './posture-batch.ts';
import { wholeLines } from './whole-lines.ts';

/**
 * The stream in blocks: at first as lines of bytes, and once it proves long, parsed in a thread of its own.
 *
 * Takes   threadAfterBytes  where the thread begins; its start costs as much as a few hundred records
 *         isReady           whether the thread may begin
 *         openThread        is told how many lines came before
 */
export async function* inputBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  threadAfterBytes: number,
  isReady: () => boolean,
  openThread: (lines: number) => Promise<ParserThread>,
): AsyncGenerator<LineBlock | PostureBatch> {
  const pieces = wholeLines(chunks);
  let bytes = 0;
  let lines = 0;
  let ended = false;
  const first = async function* (): AsyncGenerator<Uint8Array> {
    while (bytes < threadAfterBytes || !isReady()) {
      const { done, value } = await pieces.next();
      if (done) {
        ended = true;
        return;
      }
      bytes += value.length;
      yield value;
    }
  };
  try {
    for await (const block of byteLineBlocks(first())) {
      yield block;
      lines = block.firstLine + block.lines.length - 1;
    }
    if (ended) return;
    const thread = await openThread(lines);
    try {
      yield* thread.parse(pieces);
    } finally {
      thread.close();
    }
  } finally {
    pieces.return(undefined).catch(() => {});
  }
}
