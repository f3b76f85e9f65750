import { join } from 'node:path';
import { letGroupRead } from 'pcrs-machine/modes';
import { codedError } from 'pcrs-records/errors';
import type { Base, Counts, JsonObject, Session, Start } from 'pcrs-records/kinds';
import { stampOf } from 'pcrs-records/moments';
import { baseOf, scopeOf } from 'pcrs-records/scope';
import type { SinkOptions } from 'pcrs-sink/demands';
import { type Fidelity, fidelityOf, noteDifference } from 'pcrs-sink/fidelity';
import { isAboutInput } from 'pcrs-sink/input-errors';
import { SinkReader } from 'pcrs-sink/reader';
import { RefusedRecord } from 'pcrs-sink/table';
import { Dataset, layout, type RunPlace, type Series } from './dataset.ts';
import type { WrittenFile } from './parquet-file.ts';
import { fileColumns, Rows, tables } from './rows.ts';
import { TableFiles } from './table-files.ts';

export interface ParquetOptions extends SinkOptions {
  /** Version of this program, for the footers. */
  version?: string | undefined;
  /** Used if no policy or host ids name it. */
  subscription?: string | undefined;
  /** Accepts a run that is not a full picture, into `TABLE_delta`. */
  partial?: boolean | undefined;
  /** Replace runs of the same day. */
  supersede?: boolean | undefined;
  /** Replace the same run. */
  replace?: boolean | undefined;
  groupReadable?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Result of `toParquet`, as the record that the tool prints. */
export interface Written extends JsonObject, Fidelity {
  kind: 'written';
  runId: string;
  complete: boolean;
  base: Base;
  files: { file: string; table: string; rows: number; bytes: number }[];
  problems: Counts;
}

/**
 * Writes a run as Parquet files, one folder per table, readable by every engine with Hive partitions.
 *
 * Takes   dir     made if missing; other users cannot read it
 *         chunks  the NDJSON stream of one run
 * Yields  what was written and, if the run is incomplete, the error to throw: its files are then in `_incomplete/`
 * Throws  PCRS_USAGE, PCRS_MACHINE, PCRS_BUSY, PCRS_EMPTY; readers then see nothing of this call
 */
export async function toParquet(
  dir: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ParquetOptions = {},
): Promise<{ written: Written; failure: Error | undefined }> {
  if (options.groupReadable) letGroupRead();
  const signal = options.signal ?? new AbortController().signal;
  const info = (message: string): void => options.log?.note(message);
  const names = tables.map(({ name }) => name);
  const dataset = await Dataset.open(dir, names, { signal, info });
  const run = new ParquetRun(dataset, options);
  try {
    return await run.take(chunks);
  } finally {
    run.abandon();
    dataset.close();
  }
}

/** A run being written into a dataset. */
class ParquetRun {
  readonly #dataset: Dataset;
  readonly #options: ParquetOptions;
  readonly #files: ReadonlyMap<string, TableFiles>;
  readonly #rows: Rows;
  readonly #reader: SinkReader;
  readonly #starts: Start[] = [];
  #session: Session | undefined;
  #subscription: string | undefined;

  constructor(dataset: Dataset, options: ParquetOptions) {
    this.#dataset = dataset;
    this.#options = options;
    this.#files = new Map(
      tables.map((table) => [
        table.name,
        new TableFiles(join(dataset.writing, table.name), table.name, fileColumns(table)),
      ]),
    );
    this.#rows = new Rows(
      ({ name }) => this.#files.get(name) as TableFiles,
      (id) => this.#learnSubscription(id),
    );
    this.#reader = new SinkReader({
      ...{ requireRun: true, skipBad: options.skipBad, expected: ['posture', 'hostids', 'policy'] },
      tableOf: (kind) => this.#rows.tables[kind],
      onControl: (record, line) => this.#control(record, line),
    });
    if (options.subscription !== undefined) this.#subscription = options.subscription;
  }

  async take(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<{ written: Written; failure: Error | undefined }> {
    const { log, progress, signal } = this.#options;
    const reader = this.#reader;
    let failure: Error | undefined;
    try {
      for await (const lines of reader.blocks(chunks)) {
        signal?.throwIfAborted();
        reader.take(lines);
        progress?.update({ records: this.#count() });
      }
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      failure = error as Error;
    }
    const { verdicts, failure: judged } = reader.end({ ...this.#options, requireRun: true });
    failure ??= judged;
    if (this.#session === undefined) throw failure ?? new Error('a stream without a session is refused');
    for (const line of [...reader.problems.reports(), ...this.#reports()]) log?.warn(line);
    noteDifference(verdicts, log);
    const fidelity = fidelityOf(verdicts);
    return { written: this.#finish(this.#session, failure, fidelity), failure };
  }

  abandon(): void {
    for (const files of this.#files.values()) files.abandon();
  }

  #finish(session: Session, failure: Error | undefined, fidelity: Fidelity): Written {
    const complete = failure === undefined;
    const base = baseOf(this.#starts);
    const scope = scopeOf(this.#starts);
    const { runId, gateway } = session;
    const metadata = {
      ...{ 'pcrs.layout': String(layout), 'pcrs.run_id': runId, 'pcrs.complete': String(complete) },
      ...{ 'pcrs.base': base, 'pcrs.scope': JSON.stringify(scope), 'pcrs.gateway': gateway },
      'pcrs.version': this.#options.version ?? '',
    };
    const written = new Map([...this.#files].map(([table, files]) => [table, files.finish(metadata)]));
    const folder = complete
      ? this.#publish({ session, base, fidelity, written })
      : this.#keepIncomplete(session);
    return {
      ...{ kind: 'written', runId, complete, base, ...fidelity },
      files: [...written].flatMap(([table, files]) =>
        files.map(({ file, rows, bytes }) => ({ file: join(folder(table), file), table, rows, bytes })),
      ),
      problems: { ...this.#reader.problems.counts(), ...this.#problems() },
    };
  }

  #publish({ session, base, fidelity, written }: Publication): (table: string) => string {
    const series = this.#series(session, Object.keys(fidelity.filtered).length > 0);
    const place = this.#place(session, base);
    this.#dataset.check(place, series, this.#rules());
    const about = {
      ...{ layout, complete: true, runId: session.runId, startedAt: session.startedAt, base },
      ...{ gateway: session.gateway, scope: series.scope, ...fidelity },
    };
    const summaries = new Map([...written].map(([table, files]) => [table, { ...about, table, files }]));
    this.#dataset.publish(place, series, summaries);
    return (table) => this.#dataset.folderOf(table, place);
  }

  #keepIncomplete({ startedAt }: Session): (table: string) => string {
    const kept = this.#dataset.keepIncomplete(stampOf(startedAt));
    return (table) => join(kept, table);
  }

  #control(record: JsonObject, line: number): void {
    if (record['kind'] === 'session') {
      const { session } = this.#reader.judge;
      if (this.#session && session?.runId !== this.#session.runId)
        throw codedError('PCRS_USAGE', `stdin:${line}: a second run; pcrs-to-parquet accepts one at a time`);
      this.#session = session;
    } else if (record['kind'] === 'start') {
      this.#starts.push(record as unknown as Start);
      this.#checkBase(record);
    }
  }

  /** Checked at the start, so that nothing is read in vain. */
  #checkBase(record: JsonObject): void {
    if (record['reduced'] === true)
      throw codedError(
        'PCRS_USAGE',
        'a run of reduced records (pcrs-from-history) is not the state of a subscription and cannot be added to a dataset',
      );
    const base = baseOf(this.#starts);
    if (base === 'full' || this.#options.partial) return;
    throw codedError(
      'PCRS_USAGE',
      `a ${base} run holds only part of the postures, which readers would take for all; --partial writes it to TABLE_delta`,
    );
  }

  #learnSubscription(id: string): void {
    if (id === '' || id === '0' || id === this.#subscription) return;
    if (this.#subscription !== undefined)
      throw new RefusedRecord(`is of subscription ${id}, the run of ${this.#subscription}`);
    this.#subscription = id;
    const session = this.#session as Session;
    const place = this.#place(session, baseOf(this.#starts));
    this.#dataset.check(place, this.#series(session, false), this.#rules());
  }

  #place({ startedAt }: Session, base: Base): RunPlace {
    if (this.#subscription === undefined) {
      throw codedError(
        'PCRS_USAGE',
        'no policy or hostids record names the subscription; use --subscription',
      );
    }
    const day = new Date(startedAt).toISOString().slice(0, 10);
    return { subscription: this.#subscription, day, stamp: stampOf(startedAt), partial: base !== 'full' };
  }

  #series({ gateway }: Session, beganFiltered: boolean): Series {
    return { gateway, scope: scopeOf(this.#starts), beganFiltered };
  }

  #rules() {
    return { supersede: this.#options.supersede ?? false, replace: this.#options.replace ?? false };
  }

  #count(): number {
    return this.#files.get('q_pcrs_postureinfo')?.rows ?? 0;
  }

  #problems(): Counts {
    return Object.fromEntries(Object.entries(this.#rows.counts).filter(([, count]) => count > 0));
  }

  #reports(): string[] {
    const { differingControls, loneSurrogates } = this.#rows.counts;
    const reports = [];
    if (loneSurrogates > 0)
      reports.push(`texts with half a surrogate pair, replaced by U+FFFD: ${loneSurrogates}`);
    if (differingControls > 0)
      reports.push(
        `postures whose control has other texts than before; the first texts are kept: ${differingControls}`,
      );
    return reports;
  }
}

interface Publication {
  session: Session;
  base: Base;
  fidelity: Fidelity;
  written: ReadonlyMap<string, WrittenFile[]>;
}
