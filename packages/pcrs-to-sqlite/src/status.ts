import type { Database, Statement } from 'pcrs-database/open';
import type { JsonObject } from 'pcrs-records/kinds';
import { sqlTime } from 'pcrs-records/moments';
import type { Batch } from './table-writer.ts';

/** QualysETL's words for the state of a table. */
type TableState = 'BEGIN LOADING BATCH' | 'END LOADING BATCH' | 'FINAL BATCH LOADED';

const allTables = 'ALL_TABLES_LOADED_SUCCESSFULLY';

/**
 * `q_pcrs_status`: the state of the database, always current.
 *
 * Rows     one per table as in QualysETL, and `ALL_TABLES_LOADED_SUCCESSFULLY` for a complete run only; also
 *          `SOURCE` (gateway and subscription), `LOAD` (the last load: its state, counts and problems),
 *          `RUN id` (verdict and reconciliation) and `RUN id STAGE` (its start and end records; see StageNotes)
 * Details  JSON in STATUS_DETAIL
 */
export class StatusTable {
  readonly #db: Database;
  readonly #put: Statement;
  readonly #batch: Batch;

  constructor(db: Database, batch: Batch) {
    this.#db = db;
    this.#batch = batch;
    this.#put = db.prepare(`INSERT INTO q_pcrs_status VALUES (?, ?, ?, ?)
      ON CONFLICT (STATUS_NAME) DO UPDATE SET STATUS_DETAIL = excluded.STATUS_DETAIL,
        LAST_BATCH_PROCESSED = excluded.LAST_BATCH_PROCESSED, Row_Last_Updated = excluded.Row_Last_Updated
      WHERE STATUS_DETAIL IS NOT excluded.STATUS_DETAIL OR LAST_BATCH_PROCESSED IS NOT excluded.LAST_BATCH_PROCESSED`);
  }

  /** Writes a row with a JSON detail. */
  put(name: string, detail: JsonObject, lastBatch: string = this.#batch.number): void {
    this.#put.run(name, JSON.stringify(detail), lastBatch, sqlTime(new Date()));
  }

  /** Removes the rows whose names start with `prefix`, except those named. */
  keepOnly(prefix: string, names: readonly string[]): void {
    this.#db
      .prepare(
        `DELETE FROM q_pcrs_status WHERE substr(STATUS_NAME, 1, ?) = ?
          AND STATUS_NAME NOT IN (SELECT value FROM json_each(?))`,
      )
      .run(prefix.length, prefix, JSON.stringify(names));
  }

  /** A row's detail; undefined if there is none. */
  get(name: string): JsonObject | undefined {
    const text = this.#db
      .prepare('SELECT STATUS_DETAIL FROM q_pcrs_status WHERE STATUS_NAME = ?')
      .pluck()
      .get(name);
    return typeof text === 'string' ? (JSON.parse(text) as JsonObject) : undefined;
  }

  table(name: string, state: TableState, rows: number): void {
    const number = state === 'FINAL BATCH LOADED' ? '0' : this.#batch.number;
    this.put(name, this.#detail(state, rows, number), number);
  }

  /** Records that all tables are loaded; only for a complete run. */
  allLoaded(): void {
    this.put(allTables, this.#detail('FINAL BATCH LOADED', 0, '0'), '0');
  }

  /** From now on the tables mix an earlier load with this one. */
  notAllLoaded(): void {
    this.#db.prepare('DELETE FROM q_pcrs_status WHERE STATUS_NAME = ?').run(allTables);
  }

  #detail(state: TableState, rows: number, number: string): JsonObject {
    return {
      BATCH_DATE: this.#batch.date,
      BATCH_NUMBER: number,
      STATUS: state,
      TOTAL_ROWS_ADDED: rows,
      LOG_WORKFLOW_DATE: this.#batch.loadedAt,
      LOG_WORKFLOW_NAME: 'pcrs-to-sqlite',
    };
  }
}
