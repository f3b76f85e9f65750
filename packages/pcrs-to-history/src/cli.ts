import { flag, groupReadableFlag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';

const flags = {
  rescope: flag.boolean({
    describe: 'accept a run of another scope; all open spans end as rescoped',
    env: 'none',
  }),
  'max-shrink': flag.integer({
    describe: 'status 8 if a full run has over PERCENT fewer postures than the one before',
    value: 'PERCENT',
    ...{ min: 0, max: 100 },
  }),
  'accept-shrink': flag.boolean({ describe: 'add the run in spite of --max-shrink', env: 'none' }),
  'forget-before': flag.text({
    describe: 'remove spans that ended before DATE; does not read stdin',
    value: 'DATE',
    env: 'none',
  }),
  'forget-host': flag.text({ describe: 'remove a host; does not read stdin', value: 'ID', env: 'none' }),
  'group-readable': groupReadableFlag(),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-history',
  summary: 'keeps the status of each posture over time, as spans, run by run.',
  pipes: [
    'pcrs-from-sqlite snapshots | pcrs-to-history history.db',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-history history.db',
    'pcrs-to-history --forget-before 2025-01-01 history.db',
  ],
  positionals: [{ name: 'HISTORY', describe: 'the history, created if missing', required: true }],
  stdin: 'required',
  needsStdin: ({ forgetBefore, forgetHost }) => forgetBefore === undefined && forgetHost === undefined,
  live: 'always',
  flags,
  notes: [
    'Runs must be complete, of one scope and in the order in which they started; the same run again changes nothing. Only a full run ends the spans of postures that it does not contain. Views: v_open_failures, v_time_to_fix, v_trend.',
  ],
  async main(context) {
    const [path] = context.positionals as [string];
    const { forgetBefore, forgetHost, rescope, maxShrink, acceptShrink, groupReadable } = context.flags;
    if (forgetBefore !== undefined || forgetHost !== undefined) return forget(context, path);
    const { toHistory } = await import('./index.ts');
    const { signal, progress, log } = context;
    const options = { rescope, maxShrink, acceptShrink, groupReadable, signal, progress, log };
    for await (const added of toHistory(path, context.lentStdin, options)) await context.output.record(added);
  },
});

async function forget({ flags: given, output }: Context<typeof flags>, path: string): Promise<void> {
  const { forgetBefore: before, forgetHost: host } = given;
  if (before !== undefined && Number.isNaN(Date.parse(before)))
    throw codedError('PCRS_USAGE', `--forget-before must be a date like 2025-01-01, got ${before}`);
  if (host !== undefined && !/^\d{1,19}$/.test(host))
    throw codedError('PCRS_USAGE', `--forget-host must be a host id, got ${host}`);
  const { forgetBefore, forgetHost } = await import('./index.ts');
  if (before !== undefined)
    await output.record({ kind: 'forgotten', before, rows: await forgetBefore(path, before) });
  if (host !== undefined)
    await output.record({ kind: 'forgotten', hostId: host, rows: await forgetHost(path, BigInt(host)) });
}
