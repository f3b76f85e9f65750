import { Readable, type Writable } from 'node:stream';
import { codedError } from 'pcrs-records/errors';
import type { Verdict } from './paint.ts';

/** stdout: whole lines, in order, with backpressure. */
export interface Output {
  /**
   * Writes whole lines. Chunks below 64 KiB are copied; do not change a larger one until it is written.
   *
   * Yields  a promise if the reader is behind: await it
   * Throws  PCRS_READER_GONE if the reader went away; earlier writes stand
   */
  write(chunk: Uint8Array | string): Promise<void> | undefined;
  /** Writes one object as a line, for the few records that the suite itself makes. */
  record(value: object): Promise<void>;
  /** Writes the line of a verdict; green or red on a terminal. */
  verdict(verdict: Verdict, line: string): Promise<void> | undefined;
  /** Waits until everything is written. */
  flush(): Promise<void>;
}

/** Gathers lines up to this size, for at most one turn of the event loop. */
const gatherBytes = 64 * 1024;

/**
 * Opens an output on a stream.
 *
 * Takes  onFailure  called once when the stream breaks: PCRS_READER_GONE for a pipe without a reader, else
 *                   the system's error (disk full)
 */
export function openOutput(stream: Writable, onFailure: (error: Error) => void): Output {
  let gathered = Buffer.allocUnsafe(gatherBytes);
  let filled = 0;
  let failure: Error | undefined;
  let drained: Promise<void> | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (failure) return;
    const gone =
      error.code === 'EPIPE' || error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_DESTROYED';
    failure = gone
      ? codedError('PCRS_READER_GONE', 'the reader closed the pipe')
      : codedError('PCRS_MACHINE', `stdout: ${error.message}`);
    onFailure(failure);
  });

  const waitForDrain = (): Promise<void> => {
    drained ??= new Promise((resolve, reject) => {
      const settle = (): void => {
        stream.off('drain', settle).off('error', settle).off('close', settle);
        drained = undefined;
        if (failure) reject(failure);
        else resolve();
      };
      stream.on('drain', settle).on('error', settle).on('close', settle);
    });
    return drained;
  };
  const send = (chunk: Uint8Array | string): Promise<void> | undefined => {
    if (failure) throw failure;
    return stream.write(chunk) ? undefined : waitForDrain();
  };
  const sendGathered = (): Promise<void> | undefined => {
    if (filled === 0) return undefined;
    const lines = gathered.subarray(0, filled);
    // The stream now owns the old buffer; do not write into it again.
    gathered = Buffer.allocUnsafe(gatherBytes);
    filled = 0;
    return send(lines);
  };
  const sendLater = (): void => {
    // onFailure and the next write report a failure.
    if (!failure) sendGathered()?.catch(() => {});
  };

  return {
    write(chunk) {
      if (failure) throw failure;
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      if (bytes.length > gatherBytes - filled) sendGathered()?.catch(() => {});
      if (bytes.length >= gatherBytes) return send(bytes);
      if (filled === 0) setImmediate(sendLater);
      gathered.set(bytes, filled);
      filled += bytes.length;
      return drained;
    },
    verdict(_, line) {
      return this.write(`${line}\n`);
    },
    async record(value) {
      const { stringify } = await import('ndjson');
      // ndjson uses the system's line end; ours is always \n.
      for await (const line of Readable.from([value]).pipe(stringify()))
        await this.write(String(line).replace('\r\n', '\n'));
    },
    async flush() {
      sendGathered()?.catch(() => {});
      if (failure) throw failure;
      await new Promise<void>((resolve) => {
        stream.write('', () => resolve());
      });
      if (failure) throw failure;
    },
  };
}
