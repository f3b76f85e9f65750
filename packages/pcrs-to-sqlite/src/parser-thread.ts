import { parentPort, workerData } from 'node:worker_threads';
import { ByteLines } from './byte-lines.ts';
import type { PostureBatch } from './posture-batch.ts';
import { PostureParser } from './posture-parser.ts';

/** A block of whole lines, in a buffer that goes back and forth. */
export interface HandedBlock {
  readonly buffer: ArrayBuffer;
  /** Of the buffer, the bytes that are the block's. */
  readonly length: number;
  readonly firstLine: number;
  readonly unterminated: boolean;
}

/** What the thread is told: a block to parse, or what became of a new member. */
export type ToParser = HandedBlock | { readonly name: string; readonly hasColumn: boolean };

/** What the thread tells of a block: what it holds; and its buffer comes back. */
export interface FromParser {
  readonly batch: PostureBatch;
  readonly buffer: ArrayBuffer;
}

/** What the thread is started with. */
export interface ParserStart {
  /** Columns that earlier records brought. */
  readonly before: readonly string[];
}

const port = parentPort;
if (port) {
  const parser = new PostureParser((workerData as ParserStart).before);
  port.on('message', (message: ToParser) => {
    if ('name' in message) {
      parser.learn(message.name, message.hasColumn);
      return;
    }
    const { buffer, length, firstLine, unterminated } = message;
    const bytes = Buffer.from(buffer, 0, length);
    const batch = parser.parse(new ByteLines({ bytes, firstLine, unterminated }));
    port.postMessage({ batch, buffer } satisfies FromParser, [buffer, batch.entries.buffer]);
  });
}
