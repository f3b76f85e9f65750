import { flag, idItem } from 'pcrs-cli/flags';
import { runSource } from 'pcrs-cli/source';
import { defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import { newRunId } from 'pcrs-records/run-id';
import { scopeOfOptions, unionOfScopes } from 'pcrs-records/scope';

const flags = {
  at: flag.text({
    describe: 'the time to show: 2026-06-30 (its end, UTC) or 2026-06-30T12:00:00Z',
    value: 'DATE',
  }),
  host: flag.text({ describe: 'only this host', value: 'ID', parse: idItem }),
  control: flag.text({ describe: 'only this control', value: 'CID', parse: idItem }),
  id: flag.list({ describe: 'only policies with these ids', value: 'ID,…', item: idItem }),
} as const;

export const tool = defineTool({
  name: 'pcrs-from-history',
  summary: 'writes the state of a history at a given time, as a run.',
  pipes: [
    'pcrs-from-history history.db --at 2026-06-30 | pcrs-to-csv > june.csv',
    'pcrs-from-history history.db --at 2026-06-30 --host 118772 --control 1045 | jq \'select(.kind == "posture")\'',
  ],
  positionals: [{ name: 'HISTORY', describe: 'a history of pcrs-to-history', required: true }],
  stdin: 'none',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'Shows the last run that started at or before that time; stderr names it. Records are reduced: identity, status, names, criticality, dates of evaluation and scan. A time before the first run is status 7.',
  ],
  async main(context) {
    const [path] = context.positionals as [string];
    const { at, host, control, id: policies } = context.flags;
    if (at === undefined) throw codedError('PCRS_USAGE', 'give the time to show: --at 2026-06-30');
    const { momentOf, openPast } = await import('./index.ts');
    let moment: string;
    try {
      moment = momentOf(at);
    } catch (error) {
      throw codedError('PCRS_USAGE', `--at ${(error as Error).message}, got ${at}`);
    }
    const past = await openPast(path, moment, { host, control, policies });
    try {
      context.log.info(`the run of ${past.startedAt} (${past.runId}), the last one at or before ${moment}`);
      const { gateway, startedAt, base, runId } = past;
      const scope = unionOfScopes([past.scope, scopeOfOptions(context.tool, context.options)]);
      const run = { kind: 'session' as const, runId: newRunId(), gateway, username: null };
      await runSource(context, {
        run: {
          session: { ...run, tokenFile: null, expiresAt: null, startedAt },
          start: { scope, base, of: runId, asOf: moment, reduced: true },
        },
        blocks: past.blocks(),
        failure: () => undefined,
      });
    } finally {
      past.close();
    }
  },
});
