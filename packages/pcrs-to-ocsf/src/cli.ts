import { demandFlags, flag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';

const flags = {
  evidence: flag.boolean({ describe: 'write expected and current values and the cause of failure' }),
  gateway: flag.text({ describe: 'gateway to name for records outside a run', value: 'URL', env: 'shared' }),
  subscription: flag.text({
    describe: 'subscription, if the input has no policies or host ids',
    value: 'ID',
  }),
  ...demandFlags('status 6 if records of the run were dropped, added or edited'),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-ocsf',
  summary: 'writes postures and their changes as OCSF compliance findings.',
  pipes: [
    'pcrs-from-sqlite posture/latest.db | pcrs-to-ocsf > findings.ndjson',
    'pcrs-diff posture --since 1d | pcrs-to-ocsf > changes.ndjson',
  ],
  stdin: 'required',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'A Compliance Finding (class 2003) of OCSF 1.5.0 for each posture, and for each change of pcrs-diff. Members without a place in OCSF go to unmapped.',
  ],
  async main(context) {
    const { toOcsf } = await import('./index.ts');
    const { log, progress } = context;
    for await (const lines of toOcsf(context.lentStdin, { ...context.flags, log, progress })) {
      await context.output.write(lines);
    }
  },
});
