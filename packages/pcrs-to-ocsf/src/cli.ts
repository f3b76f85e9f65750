import { flag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';

const flags = {
  evidence: flag.boolean({ describe: 'write expected and current values and the cause of failure' }),
  gateway: flag.text({ describe: 'gateway of records outside a run', value: 'URL', env: 'shared' }),
  subscription: flag.text({ describe: 'subscription, if no policy or host ids come', value: 'ID' }),
  'skip-bad': flag.boolean({ describe: 'count and skip bad lines' }),
  'require-run': flag.boolean({ describe: 'status 6 for a stream without a run' }),
  strict: flag.boolean({ describe: 'status 6 if the records are not those that the run made' }),
  'allow-empty': flag.boolean({ describe: 'status 0 when no record came' }),
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
    'A Compliance Finding (class 2003) of OCSF 1.5.0 for each posture, and for each change of pcrs-diff. What has no place in OCSF is under unmapped.',
  ],
  async main(context) {
    const { toOcsf } = await import('./index.ts');
    const { log, progress } = context;
    for await (const lines of toOcsf(context.stdin, { ...context.flags, log, progress })) {
      await context.output.write(lines);
    }
  },
});
