import { platforms } from 'pcrs-records/platforms';
import { flag, groupReadableFlag, idItem } from './flags.ts';
import type { Run } from './stage.ts';
import type { Context } from './tool.ts';

/** Requests per number of seconds, as in `--rate`. */
export interface Rate {
  requests: number;
  seconds: number;
}

/** `25/60` → 25 requests in 60 seconds. */
export function parseRate(text: string): Rate {
  const [requests, seconds] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text)?.slice(1) ?? []).map(Number);
  if (!requests || !seconds) throw new Error('must be REQUESTS/SECONDS like 25/60');
  return { requests, seconds };
}

function parseVersion(text: string): string {
  if (!/^\d{1,3}\.\d{1,3}$/.test(text)) throw new Error('must be a version like 5.0');
  return text;
}

const connection = { env: 'shared', group: 'Gateway' } as const;
const credentials = { env: 'shared', group: 'Credentials' } as const;
const asking = { env: 'shared', group: 'Asking' } as const;

/** Flags of every tool that talks to the gateway, except `--api-version`, which differs by endpoint. */
export const connectionFlags = {
  gateway: flag.text({ describe: 'base URL or host of the gateway', value: 'URL', ...connection }),
  platform: flag.text({
    describe: 'Qualys platform, instead of --gateway: US1, EU2, …',
    suggestions: platforms.map(({ name }) => name),
    value: 'NAME',
    ...connection,
  }),
  'ca-file': flag.text({
    describe: 'additional certificate authorities to trust (PEM)',
    value: 'FILE',
    ...connection,
  }),
  proxy: flag.text({
    describe: 'HTTP proxy (else HTTPS_PROXY, NO_PROXY)',
    value: 'URL',
    secret: true,
    ...connection,
  }),
  username: flag.text({ describe: 'Qualys user', value: 'NAME', ...credentials }),
  'password-file': flag.text({ describe: 'file that holds the password', value: 'FILE', ...credentials }),
  'password-command': flag.text({
    describe: 'command that prints the password',
    value: 'COMMAND',
    secret: true,
    ...credentials,
  }),
  'token-file': flag.text({ describe: 'file that holds a token', value: 'FILE', ...credentials }),
  'token-command': flag.text({
    describe: 'command that prints a token; run again to renew it',
    value: 'COMMAND',
    secret: true,
    ...credentials,
  }),
  timeout: flag.integer({
    describe: 'give up a try after SECONDS without a byte',
    value: 'SECONDS',
    min: 1,
    max: 14_400,
    default: 600,
    ...asking,
  }),
  retries: flag.integer({
    describe: 'retries after the first try',
    min: 0,
    max: 100,
    default: 6,
    ...asking,
  }),
  'max-wait': flag.integer({
    describe: 'total seconds to wait for a busy gateway',
    value: 'SECONDS',
    min: 0,
    max: 86_400,
    default: 1800,
    ...asking,
  }),
  rate: flag.text({
    describe: 'at most N requests in SECONDS, across all processes',
    value: 'N/SECONDS',
    default: '25/60',
    parse: parseRate,
    ...asking,
  }),
} as const;

/** `--temp-dir` of a stage. */
export const tempDirFlag = flag.text({
  describe: 'directory for responses that do not fit in memory',
  value: 'DIR',
  ...asking,
});

/** Flags of every API stage. */
export const stageFlags = {
  ...connectionFlags,
  'temp-dir': tempDirFlag,
  archive: flag.text({
    describe: 'keep every response as received in DIR',
    value: 'DIR',
    group: asking.group,
  }),
  'group-readable': groupReadableFlag(asking.group),
} as const;

/** `--api-version` of an endpoint. */
export function apiVersionFlag(fallback: string, env: 'shared' | 'tool') {
  const describe = 'version of the endpoint';
  return flag.text({ describe, value: 'N.N', default: fallback, parse: parseVersion, ...asking, env });
}

/** `--concurrency` of a stage. */
export function concurrencyFlag(fallback: number) {
  const describe = 'requests in flight, across all processes';
  return flag.integer({ describe, min: 1, max: 64, default: fallback, ...asking });
}

/** `--policies-per-request` of a stage. */
export function policiesPerRequestFlag(fallback: number) {
  const describe = 'policies in one request';
  const limit = "the gateway's limit";
  return flag.integer({ describe, min: 1, max: 10, default: fallback, limit, env: 'shared' });
}

/** Flags of the policy list that the whole pipe takes too. */
export const policyFilters = {
  status: flag.choice(['active', 'inactive', 'all'], {
    describe: 'only policies with this status (default: all but inactive)',
  }),
  id: flag.list({ describe: 'only policies with these ids', value: 'N,…', item: idItem }),
  'exclude-id': flag.list({ describe: 'all policies but those with these ids', value: 'N,…', item: idItem }),
} as const;

/** Flags of the host ids that the whole pipe takes too. */
export const cloudFilters = {
  'asset-state': flag.choice(['ACTIVE', 'TERMINATED', 'ALL'], {
    describe: 'state of cloud hosts',
    value: 'STATE',
  }),
  'asset-deployment-type': flag.choice(['ON-PREM', 'CLOUD', 'ALL'], {
    describe: 'deployment type of cloud hosts',
    value: 'TYPE',
  }),
} as const;

type ConnectionContext = Pick<
  Context<typeof connectionFlags>,
  | 'flags'
  | 'env'
  | 'uid'
  | 'tool'
  | 'version'
  | 'log'
  | 'progress'
  | 'signal'
  | 'profile'
  | 'profilePassword'
  | 'origins'
>;

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Options of `pcrs-gateway`, from a tool's flags. */
export function gatewayOptions(context: ConnectionContext) {
  const { flags, env, uid, log, progress, signal, origins } = context;
  // Some stages lack these two.
  const { concurrency = 1, strict = false } = flags as { concurrency?: number; strict?: boolean };
  return {
    ...flags,
    concurrency,
    strict,
    timeoutMs: flags.timeout * 1000,
    maxWaitMs: flags.maxWait * 1000,
    profilePassword: context.profilePassword,
    profileUsername: textOrNothing(context.profile['username']),
    env,
    uid,
    userAgent: `${context.tool}/${context.version}`,
    signal,
    log,
    secrets: log.secrets,
    waiting: (text: string | undefined) => progress.update({ waiting: text ?? '' }),
    allowed: (left: number, seconds: number) => progress.update({ allowance: { left, seconds } }),
    origins,
  };
}

/**
 * Options of pcrs-gateway's `askKeeping`, from a stage's flags.
 *
 * Takes  options  the flags that decide the gateway's answers, dates resolved; every run of one archive must
 *                 use the same
 */
export function keeping(
  context: Pick<Context, 'tool' | 'version' | 'signal' | 'log' | 'env'> & {
    flags: { archive?: string | undefined; resume: boolean; groupReadable: boolean };
  },
  run: Pick<Run<unknown>, 'session' | 'startedAt'>,
  options: Readonly<Record<string, unknown>>,
) {
  const { archive: directory, resume, groupReadable } = context.flags;
  const { signal, log, env } = context;
  const runId = run.session?.runId ?? null;
  const startedAt = run.startedAt.toISOString();
  return {
    directory,
    resume,
    opening: { signal, env, groupReadable, info: (message: string) => log.info(message) },
    header: { stage: context.tool, version: context.version, runId, startedAt, options },
  };
}
