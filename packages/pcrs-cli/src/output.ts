import { Readable, type Writable } from 'node:stream';
import { codedError } from 'pcrs-records/errors';

/** stdout: whole lines of records, in order, with backpressure. */
export interface Output {
  /**
   * Writes whole lines. Chunks below 64 KiB are copied; a larger one must stay as it is until it is written.
   *
   * Yields  a promise where the reader is behind: wait for it
   * Throws  PCRS_READER_GONE where the reader went away; what was written stands
   */
  write(chunk: Uint8Array | string): Promise<void> | undefined;
  /** Writes one object as a line: for the few records that the suite makes itself. */
  record(value: object): Promise<void>;
  /** Waits until all is written. */
  flush(): Promise<void>;
}

/** Lines are gathered up to this size, and never longer than one turn of the event loop. */
const gatherBytes = 64 * 1024;

/**
 * Opens an output on a stream.
 *
 * Takes  onFailure  told once when the stream breaks: PCRS_READER_GONE for a pipe without a reader,
 *                   else the system's error (disk full)
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
      ? codedError('PCRS_READER_GONE', 'the reader went away')
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
    // A buffer that was handed to the stream is not written into again.
    gathered = Buffer.allocUnsafe(gatherBytes);
    filled = 0;
    return send(lines);
  };
  const sendLater = (): void => {
    // A failure reaches the tool through onFailure and the next write.
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
    async record(value) {
      const { stringify } = await import('ndjson');
      // ndjson ends lines as the system does; ours end with \n everywhere.
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
