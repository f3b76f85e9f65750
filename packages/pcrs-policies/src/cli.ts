import { dateFlag, flag, parsePattern } from 'pcrs-cli/flags';
import { apiVersionFlag, policyFilters, stageFlags } from 'pcrs-cli/gateway-flags';
import { type Context, defineTool } from 'pcrs-cli/tool';

const flags = {
  'evaluated-since': dateFlag('only policies evaluated on or after'),
  ...policyFilters,
  title: flag.text({
    describe: 'only titles that match (case ignored)',
    value: 'REGEX',
    parse: parsePattern,
  }),
  'tag-info': flag.boolean({ describe: 'include the tags of each policy' }),
  untagged: flag.boolean({ describe: 'omit kind from the records (outside a run only)' }),
  'allow-empty': flag.boolean({ describe: 'status 0 if there are no policies' }),
  'no-stdin': flag.boolean({ describe: 'do not read stdin', short: 'n' }),
  resume: flag.boolean({
    describe: 'with --archive DIR: ask only for what an interrupted run did not get',
    env: 'none',
  }),
  'api-version': apiVersionFlag('2.0', 'tool'),
  ...stageFlags,
} as const;

export type PoliciesContext = Context<typeof flags>;

export const tool = defineTool({
  name: 'pcrs-policies',
  summary: 'lists the policies of the subscription, one per line.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    "pcrs-policies --title DISA | jq -r '[.id, .title] | @tsv'",
  ],
  stdin: 'optional',
  live: 'unless stdout is piped',
  flags,
  notes: ['DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.'],
  async main(context) {
    // Loaded late: help and wrong flags need no gateway.
    const { runPolicies } = await import('./cli-main.ts');
    await runPolicies(context);
  },
});
