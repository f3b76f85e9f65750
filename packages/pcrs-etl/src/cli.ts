import { flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkDuration } from 'pcrs-records/duration';
import { parseKeep } from './keep-rule.ts';
import { folder, passedFlags } from './passed-flags.ts';

const flags = {
  out: flag.text({ describe: 'the output folder (made if need be)', value: 'DIR', group: folder }),
  name: flag.text({
    describe: 'a series of its own in DIR: a name in its files and links',
    value: 'NAME',
    parse: parseName,
    group: folder,
  }),
  csv: flag.boolean({ describe: 'CSV files of each run too, in DIR/csv_STAMP', group: folder }),
  history: flag.boolean({
    describe: 'add each run to DIR/history.db, and newer snapshots that it lacks',
    group: folder,
  }),
  report: flag.boolean({
    describe: 'an HTML report of each run, linked as latest_report.html',
    group: folder,
  }),
  keep: flag.text({
    describe: 'keep N complete runs, or those of a time, and remove older ones',
    value: 'N|TIME',
    parse: parseKeep,
    group: folder,
  }),
  incremental: flag.boolean({
    describe: 'ask only for what was evaluated since the last complete run',
    group: folder,
  }),
  'full-every': flag.text({
    ...{
      describe: 'with --incremental: ask for everything again after',
      value: 'TIME',
      default: '7d',
      parse: checkDuration,
    },
    group: folder,
  }),
  fresh: flag.boolean({
    describe: 'start over instead of resuming an interrupted run',
    env: 'none',
    group: folder,
  }),
  'if-busy': flag.choice(['fail', 'skip'], {
    describe: 'another run is at work in DIR: status 9, or 0',
    default: 'fail',
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

function parseName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) {
    throw new Error('must be letters, digits, dots, dashes and underscores');
  }
  return text;
}

export const tool = defineTool({
  name: 'pcrs-etl',
  summary: 'runs the whole pipe: policies, host ids and posture of a subscription into a SQLite snapshot.',
  pipes: [
    'pcrs-etl --out posture --evidence --history --report --keep 30',
    'pcrs-etl --out posture --incremental | jq .rows',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot posture',
  ],
  stdin: 'none',
  flags,
  notes: [
    'DIR gets pcrs_STAMP.db, the link latest.db, and archive_STAMP with the bodies as received, their manifests and run.ndjson. The same command resumes a run that was interrupted, for 12 hours (--resume-within).',
    'latest.db holds one scope, that of the flags of its first run: all policies, or --title PCI. Another scope is refused before anything is asked; give it a --name of its own.',
    'Flags of the stages are passed on to each stage that has them. DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h. TIME is 90m, 36h or 7d.',
  ],
  async main(context) {
    // Loaded late: help and wrong flags need none of it.
    const { runEtl } = await import('./cli-main.ts');
    await runEtl(context);
  },
});
