import { flag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';
import { durationMs } from 'pcrs-records/duration';
import { codedError } from 'pcrs-records/errors';
import { type StatusRecord, snapshotStatus, statusTable } from './index.ts';

const flags = {
  'max-age': flag.text({
    describe: 'status 6 when the run started longer ago: 90m, 26h, 7d',
    value: 'AGE',
    parse: durationMs,
  }),
  name: flag.text({ describe: 'the name of the snapshots in DIR', value: 'NAME' }),
  strict: flag.boolean({ describe: 'status 6 where a filter took records out of the run' }),
  table: flag.boolean({ describe: 'the table also where stdout is no terminal', env: 'none' }),
} as const;

export const tool = defineTool({
  name: 'pcrs-status',
  summary: 'tells whether a database is complete, how old it is, and what is missing.',
  pipes: [
    'pcrs-status snapshots',
    'pcrs-status --max-age 26h snapshots > status.json || mail -s posture ops < status.json',
    "pcrs-status posture.db | jq '.reconciliation, .missing'",
  ],
  positionals: [
    {
      name: 'DB',
      describe: 'a database of pcrs-to-sqlite, or the directory of its snapshots: the latest one',
      required: true,
    },
  ],
  stdin: 'none',
  flags,
  notes: [
    'On a terminal it prints a table, elsewhere one record of kind status. The file is opened for reading alone.',
    'Status 0 means complete and not too old. 6: the run is incomplete, was loaded without a run, is still being loaded or was killed, or is older than --max-age; the record tells which as reasons. 7: there is no snapshot.',
  ],
  async main(context) {
    const { maxAge, name, strict, table } = context.flags;
    const [path] = context.positionals as [string];
    const options = { name, maxAgeMs: maxAge, strict, now: context.startedAt };
    const status = await snapshotStatus(path, options);
    const asTable = table || context.stdoutIsTerminal;
    await context.output.write(asTable ? statusTable(status) : `${JSON.stringify(status)}\n`);
    if (!status.ok) throw codedError('PCRS_INCOMPLETE', inALine(status));
  },
});

function inALine({ database, reasons }: StatusRecord): string {
  return `${database}: ${reasons.map(({ message }) => message).join('; ')}`;
}
