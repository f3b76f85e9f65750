import { parentPort, workerData } from 'node:worker_threads';
import { machineError } from 'pcrs-database/database-error';
import { openForReading } from 'pcrs-database/open';
import type { CodedError } from 'pcrs-records/errors';
import type { Reading } from './in-turns.ts';
import { type LineBlock, type Rows, StoredRecords } from './stored-records.ts';

/** The lines of a part; or why it cannot be read. */
export interface FromReader {
  readonly blocks: readonly (Omit<LineBlock, 'lines'> & { lines: Uint8Array })[];
  readonly error?: Pick<CodedError, 'code' | 'message'>;
}

const port = parentPort;
if (port) {
  const { path, without } = workerData as Reading;
  const records = openForReading(path).then(({ db }) => new StoredRecords(db, { without }));
  records.catch(() => {});
  port.on('message', async (part: Rows) => {
    try {
      const blocks = [...(await records).postures(part)];
      const answer: FromReader = { blocks };
      port.postMessage(answer, [...new Set(blocks.map(({ lines }) => lines.buffer as ArrayBuffer))]);
    } catch (error) {
      const { code, message } = machineError(error, path, 'reading');
      port.postMessage({ blocks: [], error: { code, message } } satisfies FromReader);
    }
  });
}
