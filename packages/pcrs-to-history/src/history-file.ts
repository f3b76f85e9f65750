import { backUp } from 'pcrs-database/back-up';
import { historyLayout } from 'pcrs-database/history-layout';
import type { Database } from 'pcrs-database/open';
import { openForWriting, type WriteDatabase, type WriteOptions } from 'pcrs-database/open-for-writing';
import { layoutOf, makeSchema } from './schema.ts';

/** A history, changed by whole transactions. */
interface HistoryFile {
  readonly db: Database;
  /** Runs a write completely or not at all, waiting while another program writes. */
  transaction<T>(act: (db: Database) => T): Promise<T>;
  close(): void;
}

interface OpenOptions extends WriteOptions {
  log?: { note(message: string): void } | undefined;
}

/**
 * Opens a history, made if missing (0600). An older layout is brought up to date, with a copy of the old file at
 * `PATH.bak`.
 *
 * Throws  PCRS_USAGE for another kind of file, or a later layout; PCRS_MACHINE
 */
export async function openHistory(path: string, options: OpenOptions = {}): Promise<HistoryFile> {
  const database = await openForWriting(path, options);
  // A whole run is staged and merged at once: neither has to fit in memory.
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
