import { userInfo } from 'node:os';
import type { GatewayOptions } from './gateway.ts';

/** Environment variables of the options. */
const variables = {
  gateway: 'PCRS_GATEWAY',
  platform: 'PCRS_PLATFORM',
  username: 'PCRS_USERNAME',
  passwordFile: 'PCRS_PASSWORD_FILE',
  passwordCommand: 'PCRS_PASSWORD_COMMAND',
  tokenFile: 'PCRS_TOKEN_FILE',
  tokenCommand: 'PCRS_TOKEN_COMMAND',
  caFile: 'PCRS_CA_FILE',
  proxy: 'PCRS_PROXY',
} as const;

/**
 * Fills in options that are not given: from the environment, if that is given, else the defaults of the tools' flags.
 *
 * A given option, even undefined, is not looked up in the environment; nor are gateway and platform if either is
 * given. Without `env` there is no state directory: the token stays in memory and only this process is paced. Without
 * `log` warnings are dropped.
 */
export function withDefaults(options: Partial<GatewayOptions>): GatewayOptions {
  const found = fromEnvironment(options);
  const origins = Object.fromEntries(Object.keys(found).map((name) => [name, 'environment']));
  return {
    timeoutMs: 600_000,
    retries: 6,
    maxWaitMs: 1_800_000,
    rate: { requests: 25, seconds: 60 },
    concurrency: 2,
    uid: options.env === undefined || 'uid' in options ? undefined : ownUid(),
    userAgent: 'pcrs-gateway',
    signal: new AbortController().signal,
    log: { warn() {}, info() {}, verbose() {} },
    ...found,
    ...options,
    env: options.env ?? {},
    origins: { ...origins, ...options.origins },
  };
}

function fromEnvironment(options: Partial<GatewayOptions>): Partial<GatewayOptions> {
  const isNamed = 'gateway' in options || 'platform' in options;
  const given = new Set([...Object.keys(options), ...(isNamed ? ['gateway', 'platform'] : [])]);
  const missing = Object.entries(variables).filter(([name]) => !given.has(name));
  return Object.fromEntries(
    missing.flatMap(([name, variable]) => {
      const value = options.env?.[variable];
      return value ? [[name, value]] : [];
    }),
  );
}

/** Undefined on a system without uids (Windows), or for an unknown user. */
function ownUid(): number | undefined {
  try {
    const { uid } = userInfo();
    return uid < 0 ? undefined : uid;
  } catch {
    return undefined;
  }
}
