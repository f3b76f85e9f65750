import { dateFlag, flag } from 'pcrs-cli/flags';
import { apiVersionFlag, cloudFilters, policiesPerRequestFlag, stageFlags } from 'pcrs-cli/gateway-flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { policiesPerRequest } from './defaults.ts';

const flags = {
  'scanned-since': dateFlag('only hosts scanned on or after'),
  'status-changed-since': dateFlag('only hosts with a status that changed since'),
  ...cloudFilters,
  'policies-per-request': policiesPerRequestFlag(policiesPerRequest),
  untagged: flag.boolean({ describe: 'omit kind from the records (outside a run only)' }),
  'skip-bad': flag.boolean({ describe: 'skip and count lines that are not records' }),
  resume: flag.boolean({
    describe: 'with --archive DIR: ask only for what an interrupted run did not get',
    env: 'none',
  }),
  'api-version': apiVersionFlag('5.0', 'shared'),
  ...stageFlags,
} as const;

export type HostIdsContext = Context<typeof flags>;

export const tool = defineTool({
  name: 'pcrs-hostids',
  summary: 'resolves the host ids of policies, one record per policy.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    "seq 100 120 | pcrs-hostids | jq '.hostIds | length'",
    'pcrs-policies | jq -r \'select(.title | test("DISA")) | .id\' | pcrs-hostids > disa-hosts.ndjson',
  ],
  stdin: 'required',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'Reads policy records, objects with policyId or id, or bare ids, one per line.',
    'DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
    // Loaded late: help and wrong flags need no gateway.
    const { runHostIds } = await import('./cli-main.ts');
    await runHostIds(context);
  },
});
