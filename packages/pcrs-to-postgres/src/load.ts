import type { Counts, JsonObject } from 'pcrs-records/kinds';
import { sqlTime } from 'pcrs-records/moments';
import { gatewayOf } from 'pcrs-records/scope';
import type { SinkOptions } from 'pcrs-sink/demands';
import type { RunVerdict } from 'pcrs-sink/judge';
import { SinkReader, type StreamEnd } from 'pcrs-sink/reader';
import { sawWholeTable, whyNothingIsStale } from 'pcrs-sink/stale';
import type { RecordTable } from 'pcrs-sink/table';
import type { Carrier } from './carrier.ts';
import { columnRows, rows, type Staged, viewRows } from './fact-rows.ts';
import { loadedRecord, report } from './loaded.ts';
import { lastSession, notes } from './notes.ts';
import { Records } from './records.ts';
import { countStale, keepScope, mergeFunctions, mergeRows, writeStatus } from './server/merge.ts';
import { addColumns, checkSource, lockSchema, makeTables } from './server/schema.ts';
import { factsCopy, stageColumn, stageCopy, stageTable, staging } from './server/staging.ts';
import { makeViews } from './server/views.ts';
import type { StagedTable } from './staged-table.ts';

export interface LoadOptions extends SinkOptions {
  schema: string;
  /** Longest wait for a lock in the schema. */
  lockTimeoutMs: number;
  /** Refuse members without a column. */
  refuseUnknown?: boolean;
  allowOlder?: boolean;
  /** Remove rows that a complete run of everything did not name. */
  prune?: boolean;
  signal?: AbortSignal | undefined;
}

/** Least size that makes a COPY worthwhile. */
const copyBytes = 1024 * 1024;

/**
 * A running load: records in, rows staged at the server; lasting tables are touched only once the stream is judged.
 */
export class Load {
  readonly #carrier: Carrier;
  readonly #options: LoadOptions;
  readonly #records: Records;
  readonly #reader: SinkReader;
  readonly #controls: JsonObject[] = [];
  readonly #batches: { last: number; date: string; number: string }[] = [];
  readonly #staged = new Map<StagedTable, Staged>();
  /** Gives the rows sent last back to their table; the carrier needs them until the next copy. */
  #giveBack: (() => void) | undefined;
  /** Received records by kind: of each run, and of the current one. */
  readonly #receivedByRun = new Map<string | null, Counts>();
  #received: Counts = {};
  readonly #loadedAt = sqlTime(new Date());
  #date = this.#loadedAt;

  constructor(carrier: Carrier, options: LoadOptions) {
    this.#carrier = carrier;
    this.#options = options;
    this.#records = new Records(options.refuseUnknown ?? false);
    this.#reader = new SinkReader({
      skipBad: options.skipBad,
      requireRun: options.requireRun,
      expected: ['policy', 'hostids', 'posture', 'slice'],
      tableOf: (kind) => (kind === 'slice' ? this.#sliceRecords() : this.#countedTable(kind)),
      onControl: (record) => this.#control(record),
    });
  }

  /**
   * Takes the stream and loads it.
   *
   * Yields  the `loaded` record
   * Throws  PCRS_INCOMPLETE, PCRS_EMPTY for a stream that is not whole, with `loaded`; PCRS_RECORD; whatever the
   *         carrier throws. Nothing is loaded then
   */
  async run(chunks: AsyncIterable<Uint8Array>): Promise<JsonObject> {
    await this.#carrier.begin();
    try {
      await this.#stage();
      for await (const lines of this.#reader.blocks(chunks)) {
        this.#reader.take(lines);
        await this.#send(copyBytes);
        this.#options.progress?.update({ records: this.#records.number });
        this.#options.signal?.throwIfAborted();
      }
      const end = this.#reader.end(this.#options);
      if (end.failure) throw Object.assign(end.failure, { loaded: loadedRecord(end, this.#told) });
      await this.#send(0);
      await this.#finish(end);
      const committed = await this.#carrier.commit();
      report(end, this.#told, committed, this.#options);
      return loadedRecord(end, this.#told, committed);
    } catch (error) {
      const reason = this.#options.signal?.aborted ? this.#options.signal.reason : error;
      await Promise.resolve(this.#carrier.abandon((reason as Error).message)).catch(() => {});
      throw reason;
    }
  }

  get #told() {
    return { records: this.#records, problems: this.#reader.problems };
  }

  async #stage(): Promise<void> {
    await this.#carrier.run(staging);
    for (const [index, table] of this.#records.tables.entries()) {
      const stage = `pcrs_stage_${index + 1}`;
      this.#staged.set(table, { stage, columns: table.columns.length });
      await this.#carrier.run(stageTable(stage, table));
    }
  }

  /** Sends the waiting rows of tables that have enough of them. */
  async #send(enough: number): Promise<void> {
    for (const [table, staged] of this.#staged) {
      for (const { columns, text } of table.takeRows(enough)) {
        await this.#declare(table, staged, columns);
        await this.#carrier.copy(stageCopy(staged.stage, columns), text);
        this.#giveBack?.();
        this.#giveBack = () => table.text.giveBack(text);
      }
      if (enough === 0) await this.#declare(table, staged, table.columns.length);
    }
  }

  async #declare(table: StagedTable, staged: Staged, columns: number): Promise<void> {
    for (; staged.columns < columns; staged.columns += 1) {
      const type = table.columns[staged.columns]?.type ?? 'text';
      await this.#carrier.run(stageColumn(staged.stage, staged.columns, type));
    }
  }

  async #finish(end: StreamEnd): Promise<void> {
    const carrier = this.#carrier;
    await carrier.copy(factsCopy.facts, this.#facts(end));
    await carrier.copy(factsCopy.columns, columnRows(this.#staged));
    await carrier.copy(factsCopy.batches, this.#batchRows());
    await carrier.copy(factsCopy.notes, this.#notes(end));
    await carrier.copy(factsCopy.views, viewRows());
    for (const sql of [
      lockSchema,
      makeTables,
      checkSource,
      addColumns,
      mergeFunctions,
      mergeRows,
      keepScope,
      countStale,
      writeStatus,
      makeViews,
    ]) {
      await carrier.run(sql);
    }
  }

  #facts({ verdicts }: StreamEnd): Buffer {
    const { allowOlder = false, lockTimeoutMs, prune = false, schema } = this.#options;
    const session = lastSession(verdicts);
    const starts = verdicts.flatMap((verdict) => verdict.starts);
    const reduced = starts.some((start) => 'reduced' in start && start.reduced === true);
    return rows([
      ['schema', schema],
      ['lockTimeout', `${lockTimeoutMs}ms`],
      ['gateway', session ? gatewayOf(session) : null],
      ['subscriptionId', this.#records.subscriptionId ?? null],
      ['startedAt', session?.startedAt ?? null],
      ['loadedAt', this.#loadedAt],
      ['allowOlder', String(allowOlder)],
      ['reduced', String(reduced)],
      ['prune', String(prune)],
      ['whole', this.#wholeTables(verdicts)],
    ]);
  }

  /** Tables that the stream shows in full, within its scope: a row that it does not name is gone. */
  #wholeTables(verdicts: readonly RunVerdict[]): string {
    if (whyNothingIsStale(verdicts, false) !== undefined) return '';
    const names = this.#records.tables.map(({ table }) => table.name);
    return names.filter((name) => sawWholeTable(name, verdicts)).join(' ');
  }

  #batchRows(): Buffer {
    const batches = new Map(this.#batches.map(({ last, date, number }) => [String(last), [date, number]]));
    batches.set(String(Number.MAX_SAFE_INTEGER), [this.#date, '1']);
    return rows([...batches].map(([last, values]) => [last, ...values]));
  }

  #notes(end: StreamEnd): Buffer {
    const { kind: _kind, database: _database, ...told } = loadedRecord(end, this.#told);
    const load = {
      state: end.complete ? 'complete' : 'without a run',
      message: null,
      loadedAt: this.#loadedAt,
      lines: this.#reader.lines,
      ...told,
    };
    const story = {
      ...end,
      records: this.#records,
      received: this.#receivedByRun,
      controls: this.#controls,
      loadedAt: this.#loadedAt,
      load,
    };
    return rows(
      notes(story).map(({ name, detail, last }, index) => [
        String(index),
        name,
        JSON.stringify(detail),
        last,
      ]),
    );
  }

  #control(record: JsonObject): void {
    if (record['kind'] !== 'session') this.#controls.push(record);
    else {
      if (this.#records.number > 0)
        this.#batches.push({ last: this.#records.number, date: this.#date, number: '1' });
      this.#date = sqlTime(new Date(String(record['startedAt'])));
      this.#enterRun(String(record['runId']));
    }
  }

  /** Records before the first session belong to its run. */
  #enterRun(runId: string): void {
    const known = this.#receivedByRun.get(runId);
    if (known) this.#received = known;
    else {
      if (this.#receivedByRun.size > 0) this.#received = {};
      this.#receivedByRun.set(runId, this.#received);
    }
  }

  /** A kind's table, whose records count as received, accepted or not. */
  #countedTable(kind: string): RecordTable | undefined {
    const table = this.#records.tableOf(kind);
    if (table === undefined) return undefined;
    return {
      ...table,
      take: (members) => {
        this.#received[kind] = (this.#received[kind] ?? 0) + 1;
        table.take(members);
      },
    };
  }

  /** A slice record follows its records. */
  #sliceRecords() {
    return {
      columns: ['number'],
      take: (members: { text(column: number): string | null }) => {
        this.#batches.push({ last: this.#records.number, date: this.#date, number: members.text(0) ?? '1' });
      },
    };
  }
}
