import { camelCase } from 'pcrs-cli/read-flags';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import type { EtlContext } from './cli.ts';
import { daysMs } from './days.ts';
import { keepNewest } from './keep.ts';
import { lockFolder } from './out-lock.ts';
import { selectionOf, variablesFor } from './passed-flags.ts';
import { planOfRun, type RunOptions, runIntoFolder } from './run.ts';
import { summary } from './summary.ts';

/** Runs the pipe into the folder, or counts what it would ask for. */
export async function runEtl(context: EtlContext): Promise<void> {
  const { out } = context.flags;
  if (out === undefined) throw codedError('PCRS_USAGE', '--out is missing: where all goes');
  checkTogether(context);
  if (context.flags.plan) return context.output.record(await planOfRun(runOptions(context, out)));
  const unlock = await lockFolder(out, context.pid);
  try {
    await run(context, out);
  } finally {
    await unlock();
  }
}

async function run(context: EtlContext, out: string): Promise<void> {
  const { keep, name } = context.flags;
  const tell = (loaded: JsonObject) => {
    context.log.note(summary(loaded, (Date.now() - context.startedAt.getTime()) / 1000));
    return context.output.record(loaded);
  };
  try {
    const loaded = await runIntoFolder(runOptions(context, out));
    warnOfNothing(context, loaded);
    await tell(loaded);
  } catch (error) {
    const { loaded } = error as { loaded?: JsonObject };
    if (loaded) await tell(loaded);
    throw error;
  }
  if (keep === undefined) return;
  const removed = await keepNewest(out, name, keep);
  if (removed > 0) context.log.note(`${removed} older runs removed (--keep ${keep})`);
}

/** A snapshot without a policy is complete, and hardly what was wanted. */
function warnOfNothing({ log }: EtlContext, loaded: JsonObject): void {
  const rows = loaded['rows'] as Record<string, number> | undefined;
  if (rows?.['q_pcrs_policy_list'] === 0)
    log.warn(
      'no policy matched, so the snapshot is empty; see --title, --id, --status and --evaluated-since',
    );
}

function checkTogether({
  flags: { incremental, evaluatedSince, scannedSince, statusChangedSince },
}: EtlContext): void {
  if (incremental && (evaluatedSince ?? scannedSince ?? statusChangedSince) !== undefined) {
    throw codedError('PCRS_USAGE', '--incremental sets the dates itself; leave the date filters away');
  }
}

function runOptions(context: EtlContext, out: string): RunOptions {
  const { env, flags: values, log, node, profile, signal } = context;
  const given = givenFlags(context);
  return {
    ...{ given, out, name: values.name, csv: values.csv, node, signal },
    env: { ...env, ...variablesFor(given) },
    wanted: {
      incremental: values.incremental,
      fresh: values.fresh,
      fullEveryMs: daysMs(values.fullEvery),
      selection: selectionOf(given, profile, env),
    },
    tell: (message, isRoutine) => (isRoutine ? log.note(message) : log.info(message)),
  };
}

/** The flags set for pcrs-etl alone, by name; what was set for the whole suite, the tools find themselves. */
function givenFlags(context: EtlContext): Map<string, unknown> {
  const values = context.flags as Readonly<Record<string, unknown>>;
  return new Map([...context.forThisTool].map((name) => [name, values[camelCase(name)]]));
}
