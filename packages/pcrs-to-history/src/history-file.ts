import type { Database } from 'pcrs-database/open';
import { openForWriting, type WriteOptions } from 'pcrs-database/open-for-writing';

/** A history that is changed by whole transactions. */
export interface HistoryFile {
  readonly db: Database;
  /** Does what writes, all of it or nothing, waiting while another program writes. */
  transaction<T>(act: (db: Database) => T): Promise<T>;
  close(): void;
}

/** Opens a history, made if it is missing (0600). Throws PCRS_USAGE, PCRS_MACHINE. */
export async function openHistory(path: string, options: WriteOptions = {}): Promise<HistoryFile> {
  const database = await openForWriting(path, options);
  // A whole run is staged and merged at once: neither may have to fit in memory.
  database.db.pragma('temp_store = FILE');
  database.db.pragma('cache_spill = ON');
  return {
    db: database.db,
    async transaction(act) {
      await database.begin();
      try {
        const result = act(database.db);
        await database.commit();
        return result;
      } catch (error) {
        database.rollback();
        throw error;
      }
    },
    close: () => database.close(),
  };
}
