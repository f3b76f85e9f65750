import { createHash } from 'node:crypto';
import type { Block } from 'pcrs-json/elements';
import { AskedPairs } from './asked-pairs.ts';
import type { PolicyHosts } from './slices.ts';
import type { Part } from './spool.ts';

/** Facts about a body proven whole. */
export interface Proof {
  records: number;
  /** As received. */
  bytes: number;
  /** Of the body as received, in hexadecimal. */
  sha256: string;
  /** Raw control characters in strings, written as escapes. */
  controlCharacters: number;
  /** Invalid UTF-8, written as U+FFFD. */
  invalidUtf8: number;
  /** Records of a policy and host that were not asked for. */
  foreign: number;
  /** The first of them: `policy 5772988, host 118772`. */
  firstForeign: string | undefined;
  /** The lines, if they are few enough to keep; otherwise the body is decoded a second time to write them. */
  lines: readonly Block[] | undefined;
}

/** A longer line is not kept: it may never end. */
const LONGEST_KEPT_LINE = 4 << 20;

/** Loads the body reader once there is a body, so that the first request goes out sooner. */
async function reader() {
  const { ElementSplitter } = await import('pcrs-json/elements');
  const { decoded } = await import('pcrs-gateway/decoded');
  return { ElementSplitter, decoded };
}

/** Memory for lines made while their body was proven, shared by all slices. */
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
 * Reads a body to its end, spools it, proves it whole and counts foreign records.
 *
 * Takes   part    gets every byte as received; undefined if the bytes are already stored elsewhere
 *         kind    tag of the lines, or undefined
 *         asked   the policies and hosts asked for
 * Throws  PCRS_BROKEN_BODY if the body is not whole; whatever the body throws
 */
export async function prove(
  body: AsyncIterable<Uint8Array>,
  part: Part | undefined,
  kind: string | undefined,
  asked: readonly PolicyHosts[],
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
  const pairs = new AskedPairs(asked);
  const splitter = new ElementSplitter({ kind, onPair: pairs.see });
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
  return { ...written(splitter, pairs), bytes, sha256: hash.digest('hex'), lines };
}

/** SHA-256 of a body: enough proof for one that an earlier run has proven. */
export async function checksum(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

/** Number of foreign records in a body that was proven before. */
export async function foreignIn(
  body: AsyncIterable<Uint8Array>,
  asked: readonly PolicyHosts[],
): Promise<number> {
  const lines = linesOf(body, undefined, asked);
  let next = await lines.next();
  while (!next.done) next = await lines.next();
  return next.value.foreign;
}

/** Facts about the written lines of a body that is decoded again. */
export type Written = Omit<Proof, 'bytes' | 'sha256' | 'lines'>;

function written(
  {
    elements: records,
    controlCharacters,
    invalidUtf8,
  }: Pick<Written, 'controlCharacters' | 'invalidUtf8'> & { elements: number },
  { foreign, firstForeign }: AskedPairs,
): Written {
  return { records, controlCharacters, invalidUtf8, foreign, firstForeign };
}

/** Lines of a body that was proven before, decoded again; a block is valid until the next is asked for. */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  kind: string | undefined,
  asked: readonly PolicyHosts[],
): AsyncGenerator<Block, Written> {
  const { ElementSplitter, decoded } = await reader();
  const pairs = new AskedPairs(asked);
  const splitter = new ElementSplitter({ kind, onPair: pairs.see });
  for await (const text of decoded(body, { lend: true })) {
    const block = splitter.push(text);
    if (block === undefined) continue;
    yield block;
    splitter.recycle(block);
  }
  const last = splitter.end();
  if (last !== undefined) yield last;
  return written(splitter, pairs);
}
