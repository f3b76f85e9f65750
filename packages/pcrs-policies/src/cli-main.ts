import { gatewayOptions, keeping } from 'pcrs-cli/gateway-flags';
import { stdinOrNothing } from 'pcrs-cli/optional-stdin';
import { checkTagged, type Run, runStage } from 'pcrs-cli/stage';
import { checkFlags, versionWarning } from 'pcrs-gateway/api-versions';
import { askKeeping } from 'pcrs-gateway/ask-keeping';
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import { counted } from 'pcrs-records/counted';
import { resolveDate } from 'pcrs-records/dates';
import { codedError } from 'pcrs-records/errors';
import type { PoliciesContext } from './cli.ts';
import { type ListingCounts, listFacts, type PolicyOptions, policies } from './index.ts';

/** Runs the stage: the policy list to stdout. */
export async function runPolicies(context: PoliciesContext): Promise<void> {
  let gateway: Gateway | undefined;
  await runStage(stdinOrNothing(context), {
    takes: [],
    expected: 'a session from pcrs-auth (use -n to ignore stdin)',
    tally: () => gateway?.tally,
    async work(run) {
      warnOfVersion(context);
      const options = policyOptions(context, run);
      gateway = await openGateway(gatewayOptions(context), run.session);
      const { tally } = gateway;
      context.progress.watch(() => tally);
      await askKeeping(gateway, keeping(context, run, decisive(options)), listFacts, (kept) =>
        writePolicies(context, run, kept, options),
      );
    },
  });
}

async function writePolicies(
  context: PoliciesContext,
  run: Run<unknown>,
  gateway: Pick<Gateway, 'ask'>,
  options: PolicyOptions,
): Promise<void> {
  const listing = policies(gateway, options);
  let next = await listing.next();
  for (; !next.done; next = await listing.next()) await run.emit('policy', `${next.value.line}\n`);
  tellCounts(context, next.value);
  if (context.flags.evaluatedSince === undefined && !context.flags.allowEmpty)
    checkNotEmpty(context, next.value);
}

/** Throws PCRS_EMPTY if a listing without a date filter has no policies: usually a mistake. */
function checkNotEmpty(
  { flags }: PoliciesContext,
  { listed, written, inactiveLeftOut }: ListingCounts,
): void {
  if (written > 0) return;
  const narrowed = (['status', 'id', 'excludeId', 'title'] as const).filter(
    (name) => flags[name] !== undefined,
  );
  const names = narrowed.map((name) => `--${name === 'excludeId' ? 'exclude-id' : name}`).join(' and ');
  const inactive =
    inactiveLeftOut === 0 ? '' : `; ${inactiveLeftOut} inactive omitted (--status all includes them)`;
  const what =
    listed === 0
      ? 'the gateway listed no policies (may this user see any?)'
      : names === ''
        ? `none of ${counted(listed, 'policy')} is active (--status all includes the others)`
        : `none of ${counted(listed, 'policy')} matches ${names}${inactive}`;
  throw codedError('PCRS_EMPTY', `${what}; with --allow-empty the status is 0`);
}

/** Options that decide on the list, for the archive. */
function decisive({ evaluatedSince, tagInfo, apiVersion }: PolicyOptions) {
  return { 'api-version': apiVersion, 'evaluated-since': evaluatedSince, 'tag-info': tagInfo };
}

function tellCounts(context: PoliciesContext, counts: ListingCounts): void {
  if (counts.inactiveLeftOut === 0) return;
  const { listed, written, inactiveLeftOut } = counts;
  context.log.note(
    `${listed} listed, ${written} written, ${inactiveLeftOut} inactive omitted (--status all includes them)`,
  );
}

function policyOptions({ flags, log }: PoliciesContext, run: Run<unknown>): PolicyOptions {
  const { apiVersion, evaluatedSince, excludeId, id, status, tagInfo, title, untagged } = flags;
  checkTagged(untagged, run);
  const options: PolicyOptions = {
    ...{ apiVersion, excludeId, id, status, tagInfo, title, untagged },
    evaluatedSince: evaluatedSince && resolveDate(evaluatedSince, run.startedAt),
    warn: (message) => log.warn(message),
  };
  const used = Object.entries(decisive(options)).flatMap(([name, value]) => (value ? [name] : []));
  checkFlags('policyList', apiVersion, used);
  return options;
}

function warnOfVersion(context: PoliciesContext): void {
  const warning = versionWarning('policyList', context.flags.apiVersion, context.startedAt);
  if (warning) context.log.warn(warning);
}
