import { flag } from 'pcrs-cli/flags';
import { apiVersionFlag, gatewayOptions, stageFlags } from 'pcrs-cli/gateway-flags';
import { type Run, runStage } from 'pcrs-cli/stage';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkFlags, versionWarning } from 'pcrs-gateway/api-versions';
import { askKeeping } from 'pcrs-gateway/archive-answers';
import type { Gateway } from 'pcrs-gateway/gateway';
import { checkDate, resolveDate } from 'pcrs-records/dates';
import { codedError } from 'pcrs-records/errors';
import { answerFacts, type HostIdsOptions, hostIds } from './index.ts';
import { policyIds } from './policy-ids.ts';

const flags = {
  'scanned-since': flag.text({ describe: 'only hosts scanned on or after', value: 'DATE', parse: checkDate }),
  'status-changed-since': flag.text({
    describe: 'only hosts with a status changed since',
    value: 'DATE',
    parse: checkDate,
  }),
  'asset-state': flag.choice(['ACTIVE', 'TERMINATED', 'ALL'], {
    describe: 'state of cloud hosts',
    value: 'STATE',
  }),
  'asset-deployment-type': flag.choice(['ON-PREM', 'CLOUD', 'ALL'], {
    describe: 'where hosts run',
    value: 'TYPE',
  }),
  'policies-per-request': flag.integer({
    describe: 'policies in one request',
    min: 1,
    max: 10,
    default: 10,
    limit: "the gateway's limit",
    env: 'shared',
  }),
  untagged: flag.boolean({ describe: 'records without kind (outside a run)' }),
  'skip-bad': flag.boolean({ describe: 'pass over lines that are no records, and count them' }),
  resume: flag.boolean({
    describe: 'with --archive DIR: ask only for what a stopped run left out',
    env: 'none',
  }),
  'api-version': apiVersionFlag('5.0', 'shared'),
  ...stageFlags,
} as const;

export const tool = defineTool({
  name: 'pcrs-hostids',
  summary: 'resolves the host ids of policies, one record a policy.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    "seq 100 120 | pcrs-hostids | jq '.hostIds | length'",
    'pcrs-policies | jq -r \'select(.title | test("DISA")) | .id\' | pcrs-hostids > disa-hosts.ndjson',
  ],
  stdin: 'required',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'Reads policy records, objects with policyId or id, or bare ids, one a line.',
    'DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
    let gateway: Gateway | undefined;
    await runStage(context, {
      takes: ['policy'],
      expected: 'a policy record, an object with policyId or id, or an id',
      accept: policyIds,
      skipBad: context.flags.skipBad,
      tally: () => gateway?.tally ?? { requests: 0, retries: 0, bytes: 0 },
      async work(run) {
        const options = hostIdsOptions(context, run);
        const { openGateway } = await import('pcrs-gateway/gateway');
        gateway = await openGateway(gatewayOptions(context), run.session);
        const { tally } = gateway;
        await askKeeping(gateway, keeping(context, run, options), answerFacts, (kept) =>
          writeHostIds(context, run, { ...kept, tally }, options),
        );
      },
    });
  },
});

async function writeHostIds(
  context: Context<typeof flags>,
  run: Run<string>,
  gateway: Pick<Gateway, 'ask' | 'tally'>,
  options: HostIdsOptions,
): Promise<void> {
  let done = 0;
  for await (const { line } of hostIds(gateway, run.input, options)) {
    await run.emit('hostids', `${line}\n`);
    done += 1;
    context.progress.update({ requests: gateway.tally.requests, policies: done, bytes: gateway.tally.bytes });
  }
}

function keeping(context: Context<typeof flags>, run: Run<string>, asked: HostIdsOptions) {
  const { archive: directory, resume } = context.flags;
  const { apiVersion, scannedSince, statusChangedSince, assetState, assetDeploymentType } = asked;
  const options = {
    'api-version': apiVersion,
    'scanned-since': scannedSince,
    'status-changed-since': statusChangedSince,
    'asset-state': assetState,
    'asset-deployment-type': assetDeploymentType,
  };
  const runId = run.session?.runId ?? null;
  const startedAt = run.startedAt.toISOString();
  return {
    directory,
    resume,
    header: { stage: context.tool, version: context.version, runId, startedAt, options },
  };
}

function hostIdsOptions(context: Context<typeof flags>, run: Run<string>): HostIdsOptions {
  const { flags: values, log } = context;
  if (values.untagged && run.session)
    throw codedError('PCRS_USAGE', '--untagged: a run needs the kind of each record; leave pcrs-auth away');
  const used = {
    'scanned-since': values.scannedSince,
    'status-changed-since': values.statusChangedSince,
    'asset-state': values.assetState,
    'asset-deployment-type': values.assetDeploymentType,
  };
  checkFlags(
    'hostids',
    values.apiVersion,
    Object.entries(used).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  );
  const warning = versionWarning('hostids', values.apiVersion, context.startedAt);
  if (warning) log.warn(warning);
  const date = (text: string | undefined, name: 'scannedSince' | 'statusChangedSince') =>
    text === undefined ? {} : { [name]: resolveDate(text, run.startedAt) };
  return {
    apiVersion: values.apiVersion,
    policiesPerRequest: values.policiesPerRequest,
    untagged: values.untagged,
    warn: (message) => log.warn(message),
    ...date(values.scannedSince, 'scannedSince'),
    ...date(values.statusChangedSince, 'statusChangedSince'),
    ...(values.assetState === undefined ? {} : { assetState: values.assetState }),
    ...(values.assetDeploymentType === undefined ? {} : { assetDeploymentType: values.assetDeploymentType }),
  };
}
