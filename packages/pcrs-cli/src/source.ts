import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { CodedError } from 'pcrs-records/errors';
import type { Session, Start } from 'pcrs-records/kinds';
import { endOf } from './end-record.ts';
import { Made } from './made.ts';
import type { Context } from './tool.ts';

export interface SourceOptions {
  /** The run to write, with the source's additions to its `start`; undefined to write records alone. */
  run: { session: Session; start: Partial<Start> } | undefined;
  /** Whole lines of one kind, with their number. */
  blocks:
    | AsyncIterable<{ kind: string; lines: Uint8Array; count: number }>
    | Iterable<{ kind: string; lines: Uint8Array; count: number }>;
  /** Called after the last record: the reason why records are missing, if any are. */
  failure(): CodedError | undefined | '';
}

/**
 * Runs a source: a tool that opens a run from stored data. Writes the session, its `start`, the records and
 * its `end`, also when it fails.
 *
 * Throws  whatever `blocks` throws; the result of `failure`
 */
export async function runSource(context: Context, { run, blocks, failure }: SourceOptions): Promise<void> {
  const { output, signal, progress } = context;
  const made = new Made();
  let records = 0;
  const startId = randomUUID();
  if (run)
    await output.write(`${JSON.stringify(run.session)}\n${JSON.stringify(startOf(context, run, startId))}\n`);
  let error: unknown;
  try {
    for await (const { kind, lines, count } of blocks) {
      if (run) made.add(kind, lines);
      await output.write(lines);
      records += count;
      progress.update({ records });
      // Between two blocks, signals and a lost reader get their turn.
      await turn();
      signal.throwIfAborted();
    }
    error = failure() || undefined;
  } catch (thrown) {
    error = signal.aborted ? signal.reason : thrown;
  }
  if (run) {
    const of = { runId: run.session.runId, startId, stage: context.tool };
    const end = endOf(of, context.log, error, { out: made.out, sums: made.sums });
    await output.record(end).catch(() => {});
    await output.flush().catch(() => {});
  }
  if (error !== undefined) throw error;
}

function startOf(
  { tool, version, options }: Context,
  { session, start }: { session: Session; start: Partial<Start> },
  startId: string,
): Start {
  return {
    ...{ kind: 'start', contract: 2, runId: session.runId, startId, stage: tool, version },
    ...{ startedAt: new Date().toISOString(), options },
    ...start,
  };
}
