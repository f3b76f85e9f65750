import { parentPort, workerData } from 'node:worker_threads';
import { byteLineBlocks } from './byte-lines.ts';
import { PostureParser } from './posture-parser.ts';

/** What the thread is told: bytes that end at a line's end (none: the stream is over), or what became of a new member. */
export type ToParser = { bytes: Uint8Array | undefined } | { name: string; hasColumn: boolean };

/** What it is started with. */
export interface ParserStart {
  before: readonly string[];
  /** Lines that came before its first. */
  lines: number;
}

const port = parentPort;
if (port) {
  const { before, lines } = workerData as ParserStart;
  const parser = new PostureParser(before);
  const waiting: (Uint8Array | undefined)[] = [];
  let wake = (): void => {};
  port.on('message', (message: ToParser) => {
    if ('name' in message) parser.learn(message.name, message.hasColumn);
    else waiting.push(message.bytes);
    wake();
  });
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const bytes = waiting.shift();
      if (bytes === undefined) return;
      yield bytes;
    }
  };
  for await (const block of byteLineBlocks(pieces())) {
    const batch = parser.parse({ ...block, firstLine: block.firstLine + lines });
    port.postMessage(batch, [batch.entries.buffer]);
  }
  port.postMessage('end');
  port.close();
}
