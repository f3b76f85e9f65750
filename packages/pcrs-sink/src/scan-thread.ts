import { parentPort, workerData } from 'node:worker_threads';
import type { LineScannerOptions, NamePath } from 'pcrs-json/lines';
import { BlockScanner } from './block-scanner.ts';
import { type PackedBlock, packed } from './packed-block.ts';

/** A piece of the stream, names for new slots, and buffers for reuse. */
export interface ToScanner {
  readonly piece: ArrayBuffer;
  /** Number of the stream's bytes in the piece. */
  readonly length: number;
  readonly isLast: boolean;
  readonly names: readonly NamePath[];
  readonly buffers: readonly ArrayBuffer[];
}

/** Result of a piece; its buffer comes back. */
export interface FromScanner {
  readonly blocks: readonly PackedBlock[];
  readonly piece: ArrayBuffer;
}

const port = parentPort;
if (port) {
  const scanner = new BlockScanner(workerData as LineScannerOptions);
  const spare: ArrayBuffer[] = [];
  port.on('message', ({ piece, length, isLast, names, buffers }: ToScanner) => {
    scanner.learn(names);
    spare.splice(0, spare.length, ...buffers, ...spare.slice(0, 4));
    const blocks: PackedBlock[] = [];
    for (const block of scanner.push(new Uint8Array(piece, 0, length))) blocks.push(packed(block, spare));
    if (isLast) for (const block of scanner.end()) blocks.push(packed(block, spare));
    const buffersBack = blocks.map(({ buffer }) => buffer);
    port.postMessage({ blocks, piece } satisfies FromScanner, [piece, ...buffersBack]);
  });
}
