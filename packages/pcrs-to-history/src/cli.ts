import { flag, groupReadableFlag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';

const flags = {
  rescope: flag.boolean({
    describe: 'take a run of another scope: all that is open ends as rescoped',
    env: 'none',
  }),
  'max-shrink': flag.integer({
    describe: 'status 8 for a full run with more than PERCENT fewer postures than the one before',
    value: 'PERCENT',
    ...{ min: 0, max: 100 },
  }),
  'accept-shrink': flag.boolean({ describe: 'take it all the same', env: 'none' }),
  'forget-before': flag.text({
    describe: 'remove what ended before DATE; reads nothing',
    value: 'DATE',
    env: 'none',
  }),
  'forget-host': flag.text({ describe: 'remove a host; reads nothing', value: 'ID', env: 'none' }),
  'group-readable': groupReadableFlag(),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-history',
  summary: 'keeps what became of each posture over time: spans of status, run by run.',
  pipes: [
    'pcrs-from-sqlite snapshots | pcrs-to-history history.db',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-history history.db',
    'pcrs-to-history --forget-before 2025-01-01 history.db',
  ],
  positionals: [{ name: 'HISTORY', describe: 'the history; made if it is missing', required: true }],
  stdin: 'required',
  needsStdin: ({ forgetBefore, forgetHost }) => forgetBefore === undefined && forgetHost === undefined,
  live: 'always',
  flags,
  notes: [
    'A run comes once, complete, in the order of starts and of one scope. Only a full run ends what it does not name. Views: v_open_failures, v_time_to_fix, v_trend.',
  ],
  async main(context) {
    const [path] = context.positionals as [string];
    const { forgetBefore, forgetHost, rescope, maxShrink, acceptShrink, groupReadable } = context.flags;
    if (forgetBefore !== undefined || forgetHost !== undefined) return forget(context, path);
    const { toHistory } = await import('./index.ts');
    const { signal, progress, log } = context;
    const options = { rescope, maxShrink, acceptShrink, groupReadable, signal, progress, log };
    for await (const added of toHistory(path, context.stdin, options)) await context.output.record(added);
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
