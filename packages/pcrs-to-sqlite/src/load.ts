import { readSnapshotStatus, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import { type CodedError, codedError, recordError } from 'pcrs-records/errors';
import type { GatewayKind, JsonObject } from 'pcrs-records/kinds';
import { RunJudge } from 'pcrs-sink/judge';
import type { ByteLines } from './byte-lines.ts';
import type { LoadDatabase } from './database.ts';
import type { PostureBatch, PostureMirror } from './posture-batch.ts';
import { Precedence } from './precedence.ts';
import { Problems } from './problems.ts';
import { isNoJson, RecordReader } from './record-reader.ts';
import { Records } from './records.ts';
import type { Batch } from './row-parameters.ts';
import { RunNotes } from './run-notes.ts';
import { makeSchema } from './schema.ts';
import { ScopeRow } from './scope-row.ts';
import { rowsPerTransaction, SliceNumbers } from './slice-numbers.ts';
import { Source } from './source.ts';
import { StatusTable, sqlTime } from './status.ts';

export interface LoadOptions {
  /** Passes over bad lines and counts them. */
  skipBad: boolean;
  /** The first record must open a run. */
  requireRun: boolean;
  /** Refuses members without a column. */
  refuseUnknown: boolean;
  /** A run may be older than one that is in the database. */
  allowOlder?: boolean;
  /** Told of each `session`, `start` and `end`. */
  onControl: ((record: JsonObject) => void) | undefined;
}

/** A transaction ends after so many records or bytes, whichever comes first. */
const recordsPerTransaction = 5000;
const bytesPerTransaction = 16 * 1024 * 1024;

/**
 * A load under way: lines in, rows out, in transactions of some thousand records. Whatever ends it, the file holds
 * whole records, and `q_pcrs_status` says that a load is under way until `finish` or `stop` says how it ended.
 */
export class Load {
  readonly judge = new RunJudge();
  readonly database: LoadDatabase;
  readonly records: Records;
  readonly status: StatusTable;
  readonly notes: RunNotes;
  readonly problems = new Problems();
  /** What the database said of itself before this load. */
  readonly before: SnapshotStatus;
  /** Lines with a record or a value, good or bad. */
  lines = 0;
  /** Of the last line, where it was cut in the middle. */
  cutLine: number | undefined;
  readonly #options: LoadOptions;
  readonly #reader: RecordReader;
  readonly #source: Source;
  readonly #lists: Batch;
  readonly #slices: Batch;
  readonly #precedence: Precedence;
  #mirror: PostureMirror | undefined;
  #onNewMember: (name: string, hasColumn: boolean) => void = () => {};
  #linesAtCommit = 0;
  #bytes = 0;
  readonly #sliceNumbers: SliceNumbers;

  private constructor(database: LoadDatabase, before: SnapshotStatus, options: LoadOptions) {
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
      onNewMember: (name, hasColumn) => this.#onNewMember(name, hasColumn),
      onSubscription: (id) => this.#source.checkSubscription(id),
    });
    this.#sliceNumbers = new SliceNumbers(this.#slices, this.records);
    this.notes = new RunNotes(this.status, this.records, new ScopeRow(this.status, before));
    this.#reader = new RecordReader(this.records.members, {
      onRecord: (kind, line) => this.#takeRecord(kind, line),
      onOther: (kind, value, line) => this.#takeOther(kind, value, line),
      onBareValue: (text, line) => this.#takeBareValue(text, line),
    });
  }

  /**
   * Opens a load: makes the schema where it is missing, and says in the database that a load is under way.
   *
   * Throws  PCRS_USAGE for tables of another make; PCRS_MACHINE
   */
  static async open(database: LoadDatabase, options: LoadOptions): Promise<Load> {
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
   * Takes the lines of a block.
   *
   * Throws  PCRS_RECORD for a bad line; PCRS_INCOMPLETE where the stream cannot be a whole run any more; what came before stands
   */
  async take(block: ByteLines): Promise<void> {
    await this.begin();
    this.#noteBytes(block);
    try {
      for (const [text, line] of block.records()) this.#takeLine(text, line, block.unterminated);
    } finally {
      this.records.flush();
    }
    await this.#afterBlock();
  }

  /** The same for a block that another thread has parsed, as far as it could. */
  async takeParsed(batch: PostureBatch): Promise<void> {
    await this.begin();
    this.#noteBytes(batch);
    const { counts } = this.records;
    counts.loneSurrogates += batch.counts.loneSurrogates;
    counts.nulCharacters += batch.counts.nulCharacters;
    try {
      this.#mirror?.replay(batch, {
        onRecord: (line, withControl) => this.#takeMirrored(line, withControl),
        onLine: (text, line) => this.#takeLine(text, line, batch.unterminated),
      });
    } finally {
      this.records.flush();
    }
    this.#bytes += batch.text.length;
    await this.#afterBlock();
  }

  /**
   * Lets another thread parse postures from now on.
   *
   * Takes   onNewMember  told of members that the other thread must learn about
   * Yields  the columns that it must know of
   */
  openMirror(onNewMember: (name: string, hasColumn: boolean) => void): readonly string[] {
    const { before, mirror } = this.records.openMirror();
    this.#mirror = mirror;
    this.#onNewMember = onNewMember;
    return before;
  }

  /** Opens a transaction unless one is open. */
  async begin(): Promise<void> {
    if (!this.database.busy) await this.database.begin();
  }

  /** Ends the transaction, so that others see what came so far, and that more is to come. */
  async commit(): Promise<void> {
    if (!this.database.busy) return;
    this.#noteState('END LOADING BATCH');
    await this.#commit();
  }

  /** Says in `q_pcrs_status` how the load ended, and commits. */
  async end(state: string, message: string | undefined, detail: JsonObject = {}): Promise<void> {
    await this.begin();
    const { loadedAt } = this.#lists;
    const runId = this.judge.session?.runId ?? null;
    this.status.put('LOAD', {
      state,
      message: message ?? null,
      runId,
      loadedAt,
      lines: this.lines,
      ...detail,
    });
    await this.#commit();
  }

  /** Removes the rows of these tables that the load did not meet, and says how many. */
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
    this.#linesAtCommit = this.lines;
    this.#bytes = 0;
  }

  #noteBytes({ invalidUtf8, firstLine }: { invalidUtf8: boolean; firstLine: number }): void {
    if (invalidUtf8) this.problems.count('invalidUtf8', `after stdin:${firstLine}`);
  }

  async #afterBlock(): Promise<void> {
    await this.#sliceNumbers.correct(this);
    const full =
      this.lines - this.#linesAtCommit >= recordsPerTransaction || this.#bytes >= bytesPerTransaction;
    if (full) await this.commit();
  }

  #takeLine(text: string, line: number, last: boolean): void {
    this.lines += 1;
    this.#bytes += text.length;
    try {
      this.#reader.read(text, line);
    } catch (error) {
      if (last && isNoJson(error)) this.cutLine = line;
      else this.#refuse(error as CodedError);
    }
  }

  #takeMirrored(line: number, withControl: boolean): void {
    this.lines += 1;
    this.#requireRun(line);
    this.notes.received('posture');
    this.records.writeMirrored(withControl);
    this.judge.accepted('posture');
  }

  #refuse(error: CodedError): void {
    if (error.code !== 'PCRS_RECORD' || !this.#options.skipBad) throw error;
    this.problems.count('badLines', error.message);
  }

  #takeRecord(kind: GatewayKind, line: number): void {
    this.#requireRun(line);
    this.notes.received(kind);
    this.records.write(kind);
    this.judge.accepted(kind);
  }

  #takeOther(kind: string | undefined, value: JsonObject, line: number): void {
    if (kind === 'session' || kind === 'start' || kind === 'end') {
      this.#takeControl(kind, value, line);
      return;
    }
    this.#requireRun(line);
    if (kind === undefined) this.problems.count('withoutKind', `stdin:${line}`);
    else {
      this.judge.accepted(kind);
      if (kind === 'slice') this.#sliceNumbers.end(value['number']);
      else this.problems.count('unknownKinds', `stdin:${line}`);
    }
  }

  #takeControl(kind: string, value: JsonObject, line: number): void {
    const before = this.judge.session;
    this.judge.control(value, line);
    this.#options.onControl?.(value);
    const { session } = this.judge;
    if (kind === 'session' && session && session !== before) {
      this.#source.checkGateway(session.gateway, line);
      this.#precedence.take(session, line);
      this.#lists.date = sqlTime(new Date(session.startedAt));
      Object.assign(this.#slices, { date: this.#lists.date, number: '1' });
    }
    if (kind === 'start' && 'reduced' in value) this.#precedence.requireEmpty(this.judge.session, line);
    if (kind !== 'session') this.notes.stage(value);
    else if (session) this.notes.openRun(session);
  }

  #takeBareValue(text: string, line: number): void {
    this.#requireRun(line);
    if (this.judge.session === undefined) throw recordError(line, 'a record (a JSON object)', text);
    this.problems.count('bareValues', `stdin:${line}`);
  }

  #requireRun(line: number): void {
    if (!this.#options.requireRun || this.judge.session !== undefined) return;
    throw codedError(
      'PCRS_INCOMPLETE',
      `stdin:${line}: a record before any session: without a run nothing proves that the stream is whole; put pcrs-auth in front of the pipe`,
    );
  }

  #noteState(state: 'BEGIN LOADING BATCH' | 'END LOADING BATCH'): void {
    for (const { table, rows } of this.records.writers) this.status.table(table.name, state, rows);
    this.status.put('LOAD', {
      state: 'loading',
      runId: this.judge.session?.runId ?? null,
      loadedAt: this.#lists.loadedAt,
      lines: this.lines,
    });
  }
}
