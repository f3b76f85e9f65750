import { backUp } from 'pcrs-database/back-up';
import { historyLayout } from 'pcrs-database/history-layout';
import type { Database } from 'pcrs-database/open';
import { openForWriting, type WriteDatabase, type WriteOptions } from 'pcrs-database/open-for-writing';
import { layoutOf, makeSchema } from './schema.ts';

/** A history that is changed by whole transactions. */
export interface HistoryFile {
  readonly db: Database;
  /** Does what writes, all of it or nothing, waiting while another program writes. */
  transaction<T>(act: (db: Database) => T): Promise<T>;
  close(): void;
}

export interface OpenOptions extends WriteOptions {
  log?: { note(message: string): void } | undefined;
}

/**
 * Opens a history, made if it is missing (0600), and brought to the layout of today if it has an older one: as it was, it
 * is then `PATH.bak`.
 *
 * Throws  PCRS_USAGE for a file of another make, or of a later layout; PCRS_MACHINE
 */
export async function openHistory(path: string, options: OpenOptions = {}): Promise<HistoryFile> {
  const database = await openForWriting(path, options);
  // A whole run is staged and merged at once: neither may have to fit in memory.
  database.db.pragma('temp_store = FILE');
  database.db.pragma('cache_spill = ON');
  const history = transactions(database);
  try {
    const layout = layoutOf(database.db, path);
    if (layout > 0 && layout < historyLayout) {
      const copy = backUp(database.db, path);
      options.log?.note(`${path}: layout ${layout} becomes ${historyLayout}; as it was, it is ${copy}`);
    }
    await history.transaction((db) => makeSchema(db, path));
    return history;
  } catch (error) {
    history.close();
    throw error;
  }
}

function transactions(database: WriteDatabase): HistoryFile {
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
