import type { WriteDatabase } from 'pcrs-database/open-for-writing';
import { readSnapshotStatus, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import type { JsonObject, Session } from 'pcrs-records/kinds';
import { sqlTime } from 'pcrs-records/moments';
import { SinkReader } from 'pcrs-sink/reader';
import type { RecordTable } from 'pcrs-sink/table';
import { Precedence } from './precedence.ts';
import { Problems } from './problems.ts';
import { Records } from './records.ts';
import { RunNotes } from './run-notes.ts';
import { makeSchema } from './schema.ts';
import { ScopeRow } from './scope-row.ts';
import { rowsPerTransaction, SliceNumbers } from './slice-numbers.ts';
import { Source } from './source.ts';
import { StatusTable } from './status.ts';
import type { Batch } from './table-writer.ts';

export interface LoadOptions {
  /** Skip and count bad lines. */
  skipBad: boolean;
  /** The first record must open a run. */
  requireRun: boolean;
  /** Refuse members without a column. */
  refuseUnknown: boolean;
  /** A run may be older than one in the database. */
  allowOlder?: boolean;
  /** Called with each `session`, `start` and `end`. */
  onControl: ((record: JsonObject) => void) | undefined;
}

/** A block of lines, as the reader yields it. */
type Block = Parameters<SinkReader['take']>[0];

/** A transaction ends after this many records or bytes, whichever comes first. */
const recordsPerTransaction = 16_000;
const bytesPerTransaction = 32 * 1024 * 1024;

/**
 * A running load: lines in, rows out, in transactions of some thousand records. However it ends, the file holds whole
 * records, and `q_pcrs_status` says that a load is running until `finish` or `stop` records its end.
 */
export class Load {
  readonly database: WriteDatabase;
  readonly reader: SinkReader;
  readonly records: Records;
  readonly status: StatusTable;
  readonly notes: RunNotes;
  readonly problems: Problems;
  /** Status of the database before this load. */
  readonly before: SnapshotStatus;
  readonly #options: LoadOptions;
  readonly #source: Source;
  readonly #lists: Batch;
  readonly #slices: Batch;
  readonly #precedence: Precedence;
  readonly #sliceNumbers: SliceNumbers;
  #session: Session | undefined;
  #linesAtCommit = 0;
  #bytes = 0;

  private constructor(database: WriteDatabase, before: SnapshotStatus, options: LoadOptions) {
    const loadedAt = sqlTime(new Date());
    this.database = database;
    this.before = before;
    this.#precedence = new Precedence(before, options.allowOlder ?? false);
    this.#options = options;
    this.#lists = { date: loadedAt, number: '1', loadedAt };
    this.#slices = { ...this.#lists };
    this.status = new StatusTable(database.db, this.#slices);
    this.#source = new Source(this.status);
    this.records = new Records(database.db, this.#lists, this.#slices, {
      refuseUnknown: options.refuseUnknown,
      onSubscription: (id) => this.#source.checkSubscription(id),
    });
    this.#sliceNumbers = new SliceNumbers(this.#slices, this.records);
    this.notes = new RunNotes(this.status, this.records, new ScopeRow(this.status, before));
    const { requireRun, skipBad } = options;
    this.reader = new SinkReader({
      ...{ requireRun, skipBad },
      expected: ['posture', 'hostids', 'policy', 'slice'],
      tableOf: (kind) => this.#tableOf(kind),
      onControl: (record, line) => this.#takeControl(record, line),
    });
    this.problems = new Problems(this.reader);
  }

  /**
   * Opens a load: makes the schema if missing, and records in the database that a load is running.
   *
   * Throws  PCRS_USAGE for foreign tables; PCRS_MACHINE
   */
  static async open(database: WriteDatabase, options: LoadOptions): Promise<Load> {
    await database.begin();
    const before = await readSnapshotStatus({ db: database.db, read: async (act) => act() });
    makeSchema(database.db, database.path);
    const load = new Load(database, before, options);
    load.status.notAllLoaded();
    load.#noteState('BEGIN LOADING BATCH');
    await database.commit();
    return load;
  }

  /**
   * Takes a block from the reader.
   *
   * Throws  PCRS_RECORD for a bad line; PCRS_INCOMPLETE if the stream can no longer be a whole run; earlier records
   *         stand
   */
  async take(block: Block): Promise<void> {
    await this.begin();
    this.reader.take(block);
    this.#bytes += block.bytes.length;
    await this.#sliceNumbers.correct(this);
    const full =
      this.reader.lines - this.#linesAtCommit >= recordsPerTransaction || this.#bytes >= bytesPerTransaction;
    if (full) await this.commit();
  }

  /** Opens a transaction unless one is open. */
  async begin(): Promise<void> {
    if (!this.database.busy) await this.database.begin();
  }

  /** Ends the transaction, so that others see what came so far, and that more will come. */
  async commit(): Promise<void> {
    if (!this.database.busy) return;
    this.records.flush();
    this.#noteState('END LOADING BATCH');
    await this.#commit();
  }

  /** Records in `q_pcrs_status` how the load ended, and commits. */
  async end(state: string, message: string | undefined, detail: JsonObject = {}): Promise<void> {
    await this.begin();
    this.records.flush();
    const { loadedAt } = this.#lists;
    const runId = this.reader.judge.session?.runId ?? null;
    this.status.put('LOAD', {
      state,
      message: message ?? null,
      runId,
      loadedAt,
      lines: this.reader.lines,
      ...detail,
    });
    await this.#commit();
  }

  /** Removes rows of these tables that the load did not meet; yields their number. */
  async prune(tables: ReadonlySet<string>): Promise<number> {
    let removed = 0;
    for (const writer of this.records.writers) {
      if (!tables.has(writer.table.name)) continue;
      for (let row: number | undefined = 0; row !== undefined; ) {
        await this.begin();
        const pruned = writer.prune(row, rowsPerTransaction);
        removed += pruned.removed;
        row = pruned.last;
        await this.commit();
      }
    }
    return removed;
  }

  async #commit(): Promise<void> {
    await this.database.commit();
    this.#linesAtCommit = this.reader.lines;
    this.#bytes = 0;
  }

  #tableOf(kind: string): RecordTable | undefined {
    if (kind === 'slice') {
      return {
        columns: ['number'],
        take: (record) => this.#sliceNumbers.end(Number(record.text(0) ?? Number.NaN)),
      };
    }
    if (kind !== 'policy' && kind !== 'hostids' && kind !== 'posture') return undefined;
    const table = this.records.tables[kind];
    return {
      ...table,
      take: (record) => {
        this.notes.received(kind);
        table.take(record);
      },
    };
  }

  #takeControl(record: JsonObject, line: number): void {
    this.#options.onControl?.(record);
    const { session } = this.reader.judge;
    if (record['kind'] !== 'session') this.notes.stage(record);
    else if (session && session !== this.#session) {
      this.#session = session;
      this.#source.checkGateway(session.gateway, line);
      this.#precedence.take(session, line);
      this.#lists.date = sqlTime(new Date(session.startedAt));
      Object.assign(this.#slices, { date: this.#lists.date, number: '1' });
      this.notes.openRun(session);
    }
    if (record['kind'] === 'start' && 'reduced' in record) this.#precedence.requireEmpty(session, line);
  }

  #noteState(state: 'BEGIN LOADING BATCH' | 'END LOADING BATCH'): void {
    for (const { table, rows } of this.records.writers) this.status.table(table.name, state, rows);
    this.status.put('LOAD', {
      state: 'loading',
      runId: this.reader.judge.session?.runId ?? null,
      loadedAt: this.#lists.loadedAt,
      lines: this.reader.lines,
    });
  }
}
