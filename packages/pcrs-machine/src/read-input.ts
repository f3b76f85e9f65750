import { constants, createReadStream, fstatSync, openSync, type Stats } from 'node:fs';
import type { Readable } from 'node:stream';
import { codedError, machineError } from './machine-error.ts';

/** Content and type of a file or a pipe. */
export interface Input {
  bytes: Buffer;
  stats: Stats;
}

/**
 * Reads all of a file that the user named, or of a pipe such as /dev/fd/63 or a named one.
 *
 * Waits for a pipe's writer, but never inside a system call, which no interruption would end.
 *
 * Throws  PCRS_USAGE for an unreadable path, a directory, and more than `maxBytes`; PCRS_MACHINE if reading fails;
 *         the signal's reason
 */
export async function readInput(
  path: string,
  { signal, maxBytes }: { signal: AbortSignal; maxBytes: number },
): Promise<Input> {
  signal.throwIfAborted();
  const file = openInput(path);
  const stats = fstatSync(file);
  const source = await streamOf(file, stats);
  const stop = () => source.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (stats.isDirectory()) throw codedError('PCRS_USAGE', `${path}: is a directory`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) throw codedError('PCRS_USAGE', `${path}: is larger than ${maxBytes} bytes`);
    }
    return { bytes: Buffer.concat(chunks), stats };
  } catch (error) {
    signal.throwIfAborted();
    throw machineError(path, error);
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
}

/** Opens without waiting for a writer, for which opening a named pipe would block. */
function openInput(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw codedError('PCRS_USAGE', machineError(path, error).message);
  }
}

/** Closes the file at its end. */
async function streamOf(file: number, stats: Stats): Promise<Readable> {
  if (!stats.isFIFO()) return createReadStream('', { fd: file });
  const { Socket } = await import('node:net');
  return new Socket({ fd: file, readable: true, writable: false });
}
