import { codedError } from 'pcrs-records/errors';
import { openForReading, type ReadDatabase, type ReadOptions } from './open.ts';

/** `PCRH`: marks a file as a history, not another tool's database. */
export const historyId = 0x50435248;
/** Written into the file, so that a later version can recognise an older layout; 2 has a faster `v_trend`. */
export const historyLayout = 2;

/**
 * Opens a history of pcrs-to-history for reading.
 *
 * Throws  PCRS_RECORD for another kind of file; PCRS_USAGE for a missing file or a later layout; PCRS_MACHINE
 */
export async function openHistoryForReading(path: string, options: ReadOptions = {}): Promise<ReadDatabase> {
  const database = await openForReading(path, options);
  try {
    const numberOf = (name: string) => database.db.pragma(name, { simple: true }) as number;
    if (numberOf('application_id') !== historyId)
      throw codedError('PCRS_RECORD', `${path} is not a history; pcrs-to-history makes one`);
    if (numberOf('user_version') > historyLayout)
      throw codedError('PCRS_USAGE', `${path} was made by a newer pcrs-to-history; update`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
