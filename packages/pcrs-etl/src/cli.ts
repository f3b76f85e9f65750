import { checkName, flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkDuration } from 'pcrs-records/duration';
import { parseKeep } from './keep-rule.ts';
import { folder, passedFlags } from './passed-flags.ts';

const flags = {
  out: flag.text({ describe: 'the output folder (created if missing)', value: 'DIR', group: folder }),
  name: flag.text({
    describe: 'a separate series in DIR, with NAME in its files and links',
    value: 'NAME',
    parse: checkName,
    group: folder,
  }),
  csv: flag.boolean({ describe: 'also write CSV files of each run, to DIR/csv_STAMP', group: folder }),
  history: flag.boolean({
    describe: 'add each run to DIR/history.db, and any newer snapshots it lacks',
    group: folder,
  }),
  report: flag.boolean({
    describe: 'write an HTML report of each run, linked as latest_report.html',
    group: folder,
  }),
  keep: flag.text({
    describe: 'complete runs to keep; older ones are removed',
    value: 'N|TIME',
    parse: parseKeep,
    group: folder,
  }),
  incremental: flag.boolean({
    describe: 'ask only for what was evaluated since the last complete run',
    group: folder,
  }),
  'full-every': flag.text({
    describe: 'with --incremental: ask for everything again after this time',
    value: 'TIME',
    default: '7d',
    parse: checkDuration,
    group: folder,
  }),
  fresh: flag.boolean({
    describe: 'start over instead of resuming an interrupted run',
    env: 'none',
    group: folder,
  }),
  'if-busy': flag.choice(['fail', 'skip'], {
    describe: 'if another run is working in DIR: end with status 9, or with 0',
    default: 'fail',
    group: folder,
  }),
  plan: flag.boolean({
    describe: 'count what posture would be asked for, without asking for it',
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
    'pcrs-etl --out posture --evidence --history --report --keep 30',
    'pcrs-etl --out posture --incremental | jq .rows',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot posture',
  ],
  stdin: 'none',
  flags,
  notes: [
    'Writes DIR/pcrs_STAMP.db, the link latest.db, and archive_STAMP with the responses as received, their manifests and run.ndjson. The same command resumes an interrupted run for up to 12 hours (--resume-within).',
    'latest.db holds one scope, set by the flags of its first run: all policies, or --title PCI. A different scope is refused before anything is asked; give it its own --name.',
    'Each flag of a stage is passed to every stage that has it. DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h. TIME is 90m, 36h or 7d.',
  ],
  async main(context) {
    // Loaded late: help and wrong flags need none of it.
    const { runEtl } = await import('./cli-main.ts');
    await runEtl(context);
  },
});
