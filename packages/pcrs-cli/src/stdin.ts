import { createReadStream, fstatSync, read, type Stats } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { codedError } from 'pcrs-records/errors';

/** Files are read in large pieces: Node's 64 KiB at a time cost a sink more than a tenth of its time. */
const fileReadBytes = 512 * 1024;

/** stdin, once it is read. Not opened before: that costs a millisecond of start-up. */
let openStdin: Readable | undefined;

/** Bytes of stdin; aborting ends the reading with the signal's reason. */
export function readStdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return bytesOfStdin(signal, () => addAbortSignal(signal, stdinStream()));
}

/** The same; each chunk is valid until the next is asked for. */
export function readLentStdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return bytesOfStdin(signal, () =>
    stdinStat()?.isFile() ? fileInTwoBuffers(signal) : addAbortSignal(signal, stdinStream()),
  );
}

export function closeStdin(): void {
  openStdin?.destroy();
}

/** Only a character device can be a terminal, and `isatty` loads Node's network modules. */
export async function whatStdinIs(): Promise<'terminal' | 'stream' | 'nothing'> {
  const stat = stdinStat();
  if (stat?.isCharacterDevice() && (await import('node:tty')).isatty(0)) return 'terminal';
  return stat && (stat.isDirectory() || stat.isFIFO() || stat.isSocket() || stat.isFile())
    ? 'stream'
    : 'nothing';
}

/** Undefined if stdin is closed. */
export function stdinStat(): Stats | undefined {
  try {
    return fstatSync(0);
  } catch {
    return undefined;
  }
}

async function* bytesOfStdin(
  signal: AbortSignal,
  open: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  // Node reads a directory as an empty stream, without an error.
  if (stdinStat()?.isDirectory())
    throw codedError('PCRS_USAGE', 'stdin is a directory; give a file or a pipe');
  try {
    yield* open();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw codedError('PCRS_MACHINE', `stdin: ${(error as Error).message}`);
  }
}

function stdinStream(): Readable {
  openStdin ??= stdinStat()?.isFile()
    ? createReadStream('', { fd: 0, autoClose: false, highWaterMark: fileReadBytes })
    : process.stdin;
  return openStdin;
}

/** New memory for each piece would have the collector take a tenth of a sink's time. */
async function* fileInTwoBuffers(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const readInto = promisify(read);
  const fill = async (buffer: Buffer): Promise<Buffer> => {
    const { bytesRead } = await readInto(0, buffer, 0, buffer.length, null);
    return buffer.subarray(0, bytesRead);
  };
  const buffers = [Buffer.allocUnsafeSlow(fileReadBytes), Buffer.allocUnsafeSlow(fileReadBytes)] as const;
  let next = fill(buffers[0]);
  for (let piece = 1; ; piece += 1) {
    const bytes = await next;
    signal.throwIfAborted();
    if (bytes.length === 0) return;
    next = fill(buffers[(piece % 2) as 0 | 1]);
    // The error of a piece that nobody asks for is nobody's.
    next.catch(() => {});
    yield bytes;
  }
}
