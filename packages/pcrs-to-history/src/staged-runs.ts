import type { Database } from 'pcrs-database/open';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject, Session, Start } from 'pcrs-records/kinds';
import type { RunVerdict } from 'pcrs-sink/judge';
import { SinkReader } from 'pcrs-sink/reader';
import { Staging } from './staging.ts';

/** A complete run, read to its end; `staged` holds its records. */
export interface WholeRun {
  session: Session;
  starts: readonly Start[];
  verdict: RunVerdict;
  postures: number;
  /** From its policies; null if none came. */
  subscription: string | null;
}

interface StagingOptions {
  signal?: AbortSignal | undefined;
  progress?: { update(fields: { records: number }): void } | undefined;
}

/**
 * The runs of a stream, each staged separately: one block of lines may hold the end of a run and the start of the
 * next.
 */
export class StagedRuns {
  readonly #db: Database;
  readonly #reader: SinkReader;
  /** The last one is being filled. */
  readonly #runs: { runId: string; staging: Staging }[] = [];
  readonly #begun = new Set<string>();

  constructor(db: Database) {
    this.#db = db;
    const take = (kind: 'policy' | 'posture') => ({
      columns: Staging.columns[kind],
      take: (record: Parameters<Staging['take']>[1]) => this.#runs.at(-1)?.staging.take(kind, record),
    });
    const tables = { policy: take('policy'), posture: take('posture') };
    this.#reader = new SinkReader({
      requireRun: true,
      expected: Object.keys(tables),
      tableOf: (kind) => tables[kind as keyof typeof tables],
      onControl: (record, line) => this.#control(record, line),
    });
  }

  /**
   * Yields  each run; it stays staged until the next is asked for
   * Throws  PCRS_INCOMPLETE, PCRS_RECORD, the signal's reason; earlier runs were yielded
   */
  async *whole(
    chunks: AsyncIterable<Uint8Array>,
    { progress, signal }: StagingOptions,
  ): AsyncGenerator<WholeRun> {
    const reader = this.#reader;
    for await (const lines of reader.blocks(chunks)) {
      let failure: unknown;
      try {
        reader.take(lines);
      } catch (error) {
        failure = error;
      }
      while (this.#runs.length > 1) yield* this.#first();
      if (failure) throw failure;
      progress?.update({ records: reader.lines });
      signal?.throwIfAborted();
    }
    const { failure } = reader.end({ requireRun: true });
    if (failure !== undefined) throw failure;
    yield* this.#first();
  }

  /** Yields the oldest of the runs, and drops it. */
  *#first(): Generator<WholeRun> {
    const { runId, staging } = this.#runs.shift()!;
    const verdict = this.#reader.judge.verdicts().find((one) => one.runId === runId)!;
    if (!verdict.complete) throw codedError('PCRS_INCOMPLETE', verdict.reason!);
    const { session, starts } = verdict;
    if (starts.some((start) => 'reduced' in start))
      throw codedError(
        'PCRS_RECORD',
        'stdin: a run of pcrs-from-history is a view of a history and cannot be added to one',
      );
    this.#pause();
    staging.expose();
    const { postures, subscription } = staging;
    yield { session: session!, starts, verdict, postures, subscription };
    staging.drop();
    if (this.#runs.length > 0) this.#db.exec('BEGIN');
  }

  #control(record: JsonObject, line: number): void {
    if (record['kind'] !== 'session') return;
    const runId = String(record['runId']);
    if (this.#runs.at(-1)?.runId === runId) return;
    if (this.#begun.has(runId))
      throw codedError(
        'PCRS_RECORD',
        `stdin:${line}: the run ${runId} continues after another run; runs must follow one another`,
      );
    this.#begun.add(runId);
    this.#pause();
    this.#runs.push({ runId, staging: new Staging(this.#db, this.#begun.size) });
    // One transaction, of temporary tables only: one per row takes a hundred times as long.
    this.#db.exec('BEGIN');
  }

  #pause(): void {
    if (this.#db.inTransaction) this.#db.exec('COMMIT');
  }
}
