import { flag } from 'pcrs-cli/flags';
import { camelCase } from 'pcrs-cli/read-flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import { checkDays, daysMs } from './days.ts';
import { keepNewest } from './keep.ts';
import { lockFolder } from './out-lock.ts';
import { passedFlags, selectionOf, variablesFor } from './passed-flags.ts';
import { planOfRun, type RunOptions, runIntoFolder } from './run.ts';
import { summary } from './summary.ts';

const folder = 'The output folder';

const flags = {
  out: flag.text({ describe: 'where all goes (made if need be)', value: 'DIR', group: folder }),
  name: flag.text({ describe: "a name in the snapshots' file names", value: 'NAME', group: folder }),
  csv: flag.boolean({ describe: 'CSV files of each run too, in DIR/csv_STAMP', group: folder }),
  keep: flag.integer({
    describe: 'keep so many complete runs, remove older ones',
    min: 1,
    max: 100_000,
    group: folder,
  }),
  incremental: flag.boolean({
    describe: 'ask only for what was evaluated since the last complete run',
    group: folder,
  }),
  'full-every': flag.text({
    ...{
      describe: 'with --incremental: ask for everything again after',
      value: 'DAYS',
      default: '7d',
      parse: checkDays,
    },
    group: folder,
  }),
  fresh: flag.boolean({
    describe: 'start over instead of going on with an interrupted run',
    env: 'none',
    group: folder,
  }),
  plan: flag.boolean({
    describe: 'count what posture would be asked for, and ask for no posture',
    env: 'none',
    group: folder,
  }),
  ...passedFlags,
} as const;

type EtlContext = Context<typeof flags>;

export const tool = defineTool({
  name: 'pcrs-etl',
  summary: 'runs the whole pipe: policies, host ids and posture of a subscription into a SQLite snapshot.',
  pipes: [
    'pcrs-etl --out posture --evidence --keep 30',
    'pcrs-etl --out posture --incremental | jq .rows',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot posture',
  ],
  stdin: 'none',
  flags,
  notes: [
    'DIR gets pcrs_STAMP.db, the link latest.db, and archive_STAMP with the bodies as received, their manifests and run.ndjson. A run that was interrupted is gone on with at the next start, unless it is older than 12 hours.',
    'Flags of the stages are passed on to each stage that has them. DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
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
  },
});

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
