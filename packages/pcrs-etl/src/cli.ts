import { flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkDays } from './days.ts';
import { passedFlags } from './passed-flags.ts';

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

export type EtlContext = Context<typeof flags>;

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
    // Loaded only now: help and wrong flags need none of it.
    const { runEtl } = await import('./cli-main.ts');
    await runEtl(context);
  },
});
