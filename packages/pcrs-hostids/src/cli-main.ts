import { gatewayOptions, keeping } from 'pcrs-cli/gateway-flags';
import { checkTagged, type Run, runStage } from 'pcrs-cli/stage';
import { checkFlags, versionWarning } from 'pcrs-gateway/api-versions';
import { askKeeping } from 'pcrs-gateway/ask-keeping';
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import { resolveDate } from 'pcrs-records/dates';
import type { HostIdsContext } from './cli.ts';
import { answerFacts, type HostIdsOptions, hostIds } from './index.ts';
import { policyIds } from './policy-ids.ts';

/** Runs the stage: policies from stdin, their hosts to stdout. */
export async function runHostIds(context: HostIdsContext): Promise<void> {
  let gateway: Gateway | undefined;
  await runStage(context, {
    takes: ['policy'],
    expected: 'a policy record, an object with policyId or id, or an id',
    accept: policyIds,
    skipBad: context.flags.skipBad,
    tally: () => gateway?.tally,
    async work(run) {
      const options = hostIdsOptions(context, run);
      gateway = await openGateway(gatewayOptions(context), run.session);
      const { tally } = gateway;
      context.progress.watch(() => tally);
      await askKeeping(gateway, keeping(context, run, decisive(options)), answerFacts, (kept) =>
        writeHostIds(context, run, kept, options),
      );
    },
  });
}

async function writeHostIds(
  context: HostIdsContext,
  run: Run<string>,
  gateway: Pick<Gateway, 'ask'>,
  options: HostIdsOptions,
): Promise<void> {
  let done = 0;
  for await (const { line } of hostIds(gateway, run.input, options)) {
    await run.emit('hostids', `${line}\n`);
    done += 1;
    context.progress.update({ policies: done });
  }
}

/** Options that decide on the answers, for the archive. */
function decisive(asked: HostIdsOptions) {
  const { apiVersion, scannedSince, statusChangedSince, assetState, assetDeploymentType } = asked;
  return {
    'api-version': apiVersion,
    'scanned-since': scannedSince,
    'status-changed-since': statusChangedSince,
    'asset-state': assetState,
    'asset-deployment-type': assetDeploymentType,
  };
}

function hostIdsOptions(context: HostIdsContext, run: Run<string>): HostIdsOptions {
  const { flags, log, startedAt } = context;
  const { apiVersion, assetDeploymentType, assetState, policiesPerRequest, untagged } = flags;
  checkTagged(untagged, run);
  const date = (text: string | undefined) => text && resolveDate(text, run.startedAt);
  const options: HostIdsOptions = {
    ...{ apiVersion, assetDeploymentType, assetState, policiesPerRequest, untagged },
    scannedSince: date(flags.scannedSince),
    statusChangedSince: date(flags.statusChangedSince),
    warn: (message) => log.warn(message),
  };
  const used = Object.entries(decisive(options)).flatMap(([name, value]) => (value ? [name] : []));
  checkFlags('hostids', apiVersion, used);
  const warning = versionWarning('hostids', apiVersion, startedAt);
  if (warning) log.warn(warning);
  return options;
}
