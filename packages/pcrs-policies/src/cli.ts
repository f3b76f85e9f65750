import { flag, idItem } from 'pcrs-cli/flags';
import { apiVersionFlag, gatewayOptions, stageFlags } from 'pcrs-cli/gateway-flags';
import { stdinOrNothing } from 'pcrs-cli/optional-stdin';
import { type Run, runStage } from 'pcrs-cli/stage';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkFlags, versionWarning } from 'pcrs-gateway/api-versions';
import { askKeeping } from 'pcrs-gateway/archive-answers';
import type { Gateway } from 'pcrs-gateway/gateway';
import { checkDate, resolveDate } from 'pcrs-records/dates';
import { codedError } from 'pcrs-records/errors';
import { type ListingCounts, listFacts, type PolicyOptions, policies } from './index.ts';

const flags = {
  'evaluated-since': flag.text({
    describe: 'only policies evaluated on or after',
    value: 'DATE',
    parse: checkDate,
  }),
  status: flag.choice(['active', 'inactive', 'all'], {
    describe: 'only policies of this status (default: not the inactive)',
  }),
  id: flag.list({ describe: 'only these policies', value: 'N,…', item: idItem }),
  'exclude-id': flag.list({ describe: 'not these policies', value: 'N,…', item: idItem }),
  title: flag.text({ describe: 'only titles that match (case ignored)', value: 'REGEX', parse: parseTitle }),
  'tag-info': flag.boolean({ describe: 'with the tags of each policy' }),
  untagged: flag.boolean({ describe: 'records without kind (outside a run)' }),
  'allow-empty': flag.boolean({ describe: 'status 0 when there is no policy' }),
  'no-stdin': flag.boolean({ describe: 'do not read stdin', short: 'n' }),
  resume: flag.boolean({
    describe: 'with --archive DIR: ask only for what a stopped run left out',
    env: 'none',
  }),
  'api-version': apiVersionFlag('2.0', 'tool'),
  ...stageFlags,
} as const;

function parseTitle(text: string): RegExp {
  try {
    return new RegExp(text, 'iu');
  } catch {
    throw new Error('must be a regular expression');
  }
}

export const tool = defineTool({
  name: 'pcrs-policies',
  summary: 'lists the policies of the subscription, one a line.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    "pcrs-policies --title DISA | jq -r '[.id, .title] | @tsv'",
  ],
  stdin: 'optional',
  live: 'unless stdout is piped',
  flags,
  notes: ['DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.'],
  async main(context) {
    let gateway: Gateway | undefined;
    await runStage(stdinOrNothing(context), {
      takes: [],
      expected: 'a session from pcrs-auth (-n leaves stdin unread)',
      tally: () => gateway?.tally ?? { requests: 0, retries: 0, bytes: 0 },
      async work(run) {
        warnOfVersion(context);
        const options = policyOptions(context, run);
        const { openGateway } = await import('pcrs-gateway/gateway');
        gateway = await openGateway(gatewayOptions(context), run.session);
        await askKeeping(gateway, keeping(context, run, options), listFacts, (kept) =>
          writePolicies(context, run, kept, options),
        );
      },
    });
  },
});

async function writePolicies(
  context: Context<typeof flags>,
  run: Run<unknown>,
  gateway: Pick<Gateway, 'ask'>,
  options: PolicyOptions,
): Promise<void> {
  const listing = policies(gateway, options);
  let next = await listing.next();
  for (; !next.done; next = await listing.next()) await run.emit('policy', `${next.value.line}\n`);
  tellCounts(context, next.value);
  const filtered = ['evaluatedSince', 'status', 'id', 'excludeId', 'title'] as const;
  const full = filtered.every((name) => context.flags[name] === undefined);
  if (full && next.value.written === 0 && !context.flags.allowEmpty) {
    const { listed } = next.value;
    const what =
      listed === 0 ? 'the gateway listed no policy' : `of ${listed} policies none is active (--status all)`;
    throw codedError('PCRS_EMPTY', `${what}; may this user see any? (--allow-empty makes that status 0)`);
  }
}

function keeping(
  context: Context<typeof flags>,
  run: Run<unknown>,
  { evaluatedSince, tagInfo, apiVersion }: PolicyOptions,
) {
  const { archive: directory, resume } = context.flags;
  const options = { 'api-version': apiVersion, 'evaluated-since': evaluatedSince, 'tag-info': tagInfo };
  const runId = run.session?.runId ?? null;
  const startedAt = run.startedAt.toISOString();
  return {
    directory,
    resume,
    header: { stage: context.tool, version: context.version, runId, startedAt, options },
  };
}

function tellCounts(context: Context<typeof flags>, counts: ListingCounts): void {
  if (counts.inactiveLeftOut === 0) return;
  const { listed, written, inactiveLeftOut } = counts;
  context.log.note(
    `${listed} listed, ${written} written, ${inactiveLeftOut} inactive left out (--status all)`,
  );
}

function policyOptions(context: Context<typeof flags>, run: Run<unknown>): PolicyOptions {
  const { flags: values } = context;
  if (values.untagged && run.session)
    throw codedError('PCRS_USAGE', '--untagged: a run needs the kind of each record; leave pcrs-auth away');
  checkFlags('policyList', values.apiVersion, [
    ...(values.evaluatedSince === undefined ? [] : ['evaluated-since']),
    ...(values.tagInfo ? ['tag-info'] : []),
  ]);
  return {
    apiVersion: values.apiVersion,
    tagInfo: values.tagInfo,
    untagged: values.untagged,
    ...(values.evaluatedSince === undefined
      ? {}
      : { evaluatedSince: resolveDate(values.evaluatedSince, run.startedAt) }),
    ...(values.status === undefined ? {} : { status: values.status }),
    ...(values.id === undefined ? {} : { id: values.id }),
    ...(values.excludeId === undefined ? {} : { excludeId: values.excludeId }),
    ...(values.title === undefined ? {} : { title: values.title }),
  };
}

function warnOfVersion(context: Context<typeof flags>): void {
  const warning = versionWarning('policyList', context.flags.apiVersion, context.startedAt);
  if (warning) context.log.warn(warning);
}
