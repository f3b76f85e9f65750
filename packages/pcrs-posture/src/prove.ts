import { createHash } from 'node:crypto';
import type { Block } from 'pcrs-gateway/elements';
import type { Part } from './spool.ts';

/** What a body that is proven whole holds. */
export interface Proof {
  records: number;
  /** As received. */
  bytes: number;
  /** Of the body as received, in hexadecimal digits. */
  sha256: string;
  /** Raw control characters in strings that are written as escapes. */
  controlCharacters: number;
  /** Invalid UTF-8 that is written as U+FFFD. */
  invalidUtf8: number;
  /** The lines, where they are few enough to be kept; else the body is decoded a second time to write them. */
  lines: readonly Block[] | undefined;
}

/** A line that is longer is not kept: it may never end. */
const LONGEST_KEPT_LINE = 4 << 20;

/** What reads bodies: loaded once there is one, so that the first request goes out sooner. */
async function reader() {
  const { ElementSplitter } = await import('pcrs-gateway/elements');
  const { decoded } = await import('pcrs-gateway/elements-decoded');
  return { ElementSplitter, decoded };
}

/** Memory for lines that were made while their body was proven, shared by all slices. */
export class LineMemory {
  #freeBytes: number;

  constructor(bytes = 16 << 20) {
    this.#freeBytes = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  giveBack(blocks: readonly Block[]): void {
    for (const block of blocks) this.#freeBytes += block.bytes.length;
  }
}

/**
 * Reads a body to its end, spools it and proves it whole.
 *
 * Takes   part    gets every byte as received; undefined where the bytes are kept elsewhere already
 *         kind    what the lines are tagged with, or undefined
 * Throws  PCRS_BROKEN_BODY where the body is not proven; what the body throws
 */
export async function prove(
  body: AsyncIterable<Uint8Array>,
  part: Part | undefined,
  kind: string | undefined,
  memory: LineMemory,
): Promise<Proof> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* received(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      bytes += chunk.length;
      hash.update(chunk);
      await part?.write(chunk);
      yield chunk;
    }
  }
  const { ElementSplitter, decoded } = await reader();
  const splitter = new ElementSplitter({ kind });
  let lines: Block[] | undefined = [];
  const keep = (block: Block | undefined): void => {
    if (lines === undefined) return;
    const fits =
      splitter.heldBytes < LONGEST_KEPT_LINE && (block === undefined || memory.take(block.bytes.length));
    if (!fits) {
      splitter.proveOnly();
      memory.giveBack(lines);
      lines = undefined;
    } else if (block !== undefined) lines.push(block);
  };
  try {
    for await (const text of decoded(received(), { lend: true })) keep(splitter.push(text));
    keep(splitter.end());
    await part?.finish();
  } catch (error) {
    memory.giveBack(lines ?? []);
    throw error;
  }
  const { elements: records, controlCharacters, invalidUtf8 } = splitter;
  return { records, bytes, sha256: hash.digest('hex'), controlCharacters, invalidUtf8, lines };
}

/** The SHA-256 of a body: one that an earlier run has proven needs no other proof. */
export async function checksum(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

/** What was written of a body that is decoded again. */
export type Written = Pick<Proof, 'records' | 'controlCharacters' | 'invalidUtf8'>;

/** The lines of a body that was proven before, decoded again; a block lasts until the next is asked for. */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  kind: string | undefined,
): AsyncGenerator<Block, Written> {
  const { ElementSplitter, decoded } = await reader();
  const splitter = new ElementSplitter({ kind });
  for await (const text of decoded(body, { lend: true })) {
    const block = splitter.push(text);
    if (block === undefined) continue;
    yield block;
    splitter.recycle(block);
  }
  const last = splitter.end();
  if (last !== undefined) yield last;
  const { elements: records, controlCharacters, invalidUtf8 } = splitter;
  return { records, controlCharacters, invalidUtf8 };
}
