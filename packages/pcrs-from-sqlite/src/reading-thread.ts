import { parentPort, workerData } from 'node:worker_threads';
import { machineError } from 'pcrs-database/database-error';
import { openHandle } from 'pcrs-database/open-for-writing';
import type { CodedError } from 'pcrs-records/errors';
import type { Reading } from './in-turns.ts';
import { holdMoment, type PostureBlock, type Rows, StoredRecords } from './stored-records.ts';

/** A part to read, and memory to use for its lines. */
export interface ToReader {
  readonly part: Rows;
  readonly into: ArrayBuffer | undefined;
}

export type SentBlock = Omit<PostureBlock, 'lines'> & { readonly lines: Uint8Array<ArrayBuffer> };

/** First whether the file is open; then the lines of a part each, or why it cannot be read. */
export interface FromReader {
  readonly isReady?: boolean;
  readonly block?: SentBlock;
  readonly error?: Pick<CodedError, 'code' | 'message'>;
}

/**
 * A writer that waits for readers lets no new one in: this one does not wait for it, and then keeps its lock. Only
 * SQLite may touch the file: closing any other descriptor of it would drop the locks of the whole process.
 *
 * Source  sqlite.org/howtocorrupt.html, section 2.2
 */
async function open({ file, without }: Reading): Promise<StoredRecords> {
  const db = await openHandle(file, true);
  holdMoment(db);
  return new StoredRecords(db, { without });
}

const port = parentPort;
if (port) {
  const reading = workerData as Reading;
  const send = (message: FromReader, buffers: ArrayBuffer[] = []) => port.postMessage(message, buffers);
  const records = open(reading);
  records.then(
    () => send({ isReady: true }),
    () => send({ isReady: false }),
  );
  port.on('message', async ({ part, into }: ToReader) => {
    try {
      const block = (await records).postures(part, into);
      send({ block: block as SentBlock }, [block.lines.buffer as ArrayBuffer]);
    } catch (error) {
      const { code, message } = machineError(error, reading.path, 'reading');
      send({ error: { code, message } });
    }
  });
}
