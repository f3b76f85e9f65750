import { checkPattern, dateFlag, flag, groupReadableFlag } from 'pcrs-cli/flags';
import {
  apiVersionFlag,
  cloudFilters,
  concurrencyFlag,
  connectionFlags,
  policiesPerRequestFlag,
  policyFilters,
  tempDirFlag,
} from 'pcrs-cli/gateway-flags';
import { checkDuration } from 'pcrs-records/duration';

/** Heading in the help for flags about the output folder. */
export const folder = 'The output folder';

/**
 * Flags of the stages that `pcrs-etl` takes and passes on: same name, same meaning. `passedTo` names the tools; a
 * test compares both tables with the tools' own.
 */
export const passedFlags = {
  'evaluated-since': dateFlag('policies and records evaluated on or after'),
  'scanned-since': dateFlag('hosts scanned on or after'),
  'scanned-from': dateFlag('records of hosts scanned on or after'),
  'scanned-to': dateFlag('records of hosts scanned before'),
  'status-changed-since': dateFlag('hosts and records with a status changed since'),
  ...policyFilters,
  title: flag.text({
    describe: 'only policies whose title matches (case ignored)',
    value: 'REGEX',
    parse: checkPattern,
  }),
  'tag-info': flag.boolean({ describe: 'include the tags of each policy' }),
  ...cloudFilters,
  evidence: flag.boolean({ describe: 'include the evidence of each posture' }),
  'extended-evidence': flag.boolean({ describe: 'include the extended evidence too' }),
  qds: flag.boolean({ describe: 'include the Qualys Detection Score' }),
  'exclude-inactive-controls': flag.boolean({ describe: 'omit controls that are inactive in their policy' }),
  'no-compression': flag.boolean({ describe: 'ask for posture uncompressed' }),
  'policies-per-request': policiesPerRequestFlag(10),
  'hosts-per-request': flag.integer({
    describe: 'host ids in one posture request',
    min: 1,
    max: 100_000,
    default: 1000,
    env: 'shared',
  }),
  strict: flag.boolean({ describe: 'fail instead of warning' }),
  'allow-empty': flag.boolean({ describe: 'publish a run even if it has no policies' }),
  rescope: flag.boolean({
    describe: 'allow latest.db to change to another scope',
    env: 'none',
    group: folder,
  }),
  'allow-older': flag.boolean({
    describe: 'allow latest.db to go back to a run that started earlier',
    env: 'none',
    group: folder,
  }),
  'max-shrink': flag.integer({
    describe: 'status 8 if a full run has over PERCENT fewer postures, hosts or policies',
    value: 'PERCENT',
    min: 0,
    max: 100,
    group: folder,
  }),
  'accept-shrink': flag.boolean({
    describe: 'publish the run in spite of --max-shrink',
    env: 'none',
    group: folder,
  }),
  'resume-within': flag.text({
    describe: 'resume an interrupted run only if it is at most this old',
    value: 'TIME',
    default: '12h',
    parse: checkDuration,
    group: folder,
  }),
  'group-readable': groupReadableFlag(folder),
  'api-version': apiVersionFlag('5.0', 'shared'),
  'list-api-version': flag.text({
    describe: 'version of the policy list (default 2.0)',
    value: 'N.N',
    group: 'Asking',
  }),
  concurrency: concurrencyFlag(2),
  'temp-dir': tempDirFlag,
  ...connectionFlags,
} as const;

export const stages = ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'] as const;
const asking = ['pcrs-auth', ...stages] as const;
const writing = [...stages, 'pcrs-to-sqlite', 'pcrs-to-csv', 'pcrs-to-history', 'pcrs-report'] as const;
const all = ['pcrs-auth', ...writing, 'pcrs-from-sqlite'] as const;

/** Flags with which the sink decides whether a run becomes `latest.db`. */
const publishing = ['rescope', 'allow-older', 'max-shrink', 'accept-shrink'] as const;

/** Tools that each flag goes to, and its name there if that differs. */
export const passedTo: Readonly<Record<string, { tools: readonly string[]; as?: string }>> = {
  'evaluated-since': { tools: ['pcrs-policies', 'pcrs-posture'] },
  'scanned-since': { tools: ['pcrs-hostids', 'pcrs-posture'] },
  'scanned-from': { tools: ['pcrs-posture'] },
  'scanned-to': { tools: ['pcrs-posture'] },
  'status-changed-since': { tools: ['pcrs-hostids', 'pcrs-posture'] },
  status: { tools: ['pcrs-policies'] },
  id: { tools: ['pcrs-policies'] },
  'exclude-id': { tools: ['pcrs-policies'] },
  title: { tools: ['pcrs-policies'] },
  'tag-info': { tools: ['pcrs-policies'] },
  'asset-state': { tools: ['pcrs-hostids'] },
  'asset-deployment-type': { tools: ['pcrs-hostids'] },
  evidence: { tools: ['pcrs-posture'] },
  'extended-evidence': { tools: ['pcrs-posture'] },
  qds: { tools: ['pcrs-posture'] },
  'exclude-inactive-controls': { tools: ['pcrs-posture'] },
  'no-compression': { tools: ['pcrs-posture'] },
  'policies-per-request': { tools: ['pcrs-hostids', 'pcrs-posture'] },
  'hosts-per-request': { tools: ['pcrs-posture'] },
  strict: { tools: ['pcrs-auth', 'pcrs-posture', 'pcrs-to-sqlite'] },
  'allow-empty': { tools: ['pcrs-policies', 'pcrs-to-sqlite'] },
  ...Object.fromEntries(publishing.map((name) => [name, { tools: ['pcrs-to-sqlite'] }])),
  'resume-within': { tools: ['pcrs-posture'] },
  'api-version': { tools: ['pcrs-hostids', 'pcrs-posture'] },
  'list-api-version': { tools: ['pcrs-policies'], as: 'api-version' },
  concurrency: { tools: ['pcrs-posture'] },
  'temp-dir': { tools: stages },
  'group-readable': { tools: writing },
  ...Object.fromEntries(Object.keys(connectionFlags).map((name) => [name, { tools: asking }])),
  ...Object.fromEntries(
    ['config', 'profile', 'quiet', 'verbose', 'progress', 'log-format'].map((name) => [name, { tools: all }]),
  ),
};

/**
 * The arguments for one tool of the pipe. Secrets go by the environment instead, which other users of the machine
 * cannot read.
 *
 * Takes  given   the flags set for pcrs-etl alone; the tools read the suite's settings themselves
 */
export function argumentsFor(tool: string, given: ReadonlyMap<string, unknown>): string[] {
  return [...given].flatMap(([name, value]) => {
    const target = passedTo[name];
    if (!target?.tools.includes(tool) || secretNames.has(name)) return [];
    return value === false
      ? []
      : [value === true ? `--${target.as ?? name}` : `--${target.as ?? name}=${toText(value)}`];
  });
}

/** Flags that only tune requests, logging and products; all others decide which records come. */
const tuning = new Set([
  ...Object.keys(connectionFlags).filter((name) => name !== 'gateway' && name !== 'platform'),
  ...[...publishing, 'allow-empty', 'resume-within'],
  ...['concurrency', 'temp-dir', 'group-readable', 'strict', 'policies-per-request', 'hosts-per-request'],
  ...['config', 'profile', 'quiet', 'verbose', 'progress', 'log-format'],
]);

/**
 * What decides which records come: given flags, profile settings and environment variables that the tools of the pipe
 * read, without those that only tune.
 */
export function selectionOf(
  given: ReadonlyMap<string, unknown>,
  profile: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const flags = Object.fromEntries([...given].filter(([name]) => name in passedTo && !tuning.has(name)));
  const variables = Object.entries(env).filter(([name]) =>
    /^PCRS_(POLICIES|HOSTIDS|POSTURE|API_VERSION)/.test(name),
  );
  const selecting = variables.filter(
    ([name]) =>
      ![...tuning].some((flagName) => name.endsWith(`_${flagName.toUpperCase().replaceAll('-', '_')}`)),
  );
  const settings = Object.fromEntries(Object.entries(profile).filter(([name]) => !tuning.has(name)));
  return JSON.parse(JSON.stringify({ flags, variables: Object.fromEntries(selecting), profile: settings }));
}

const secretNames = new Set(
  Object.entries(connectionFlags).flatMap(([name, { secret }]) => (secret ? [name] : [])),
);

/** Environment variables for flags that may hold a secret. */
export function variablesFor(given: ReadonlyMap<string, unknown>): Record<string, string> {
  const secrets = [...given].filter(([name]) => secretNames.has(name));
  return Object.fromEntries(
    secrets.map(([name, value]) => [`PCRS_${name.toUpperCase().replaceAll('-', '_')}`, String(value)]),
  );
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null && 'requests' in value && 'seconds' in value)
    return `${value.requests}/${value.seconds}`;
  return String(value);
}
