import { usageError } from '../ask/gateway-error.ts';
import type { CredentialOptions } from './credentials.ts';
import { gatewayUrl, platformUrl } from './gateway-url.ts';
import type { TokenFile, TokenStore } from './token-store.ts';

/** What a session record says: it chooses among our gateways and users, and adds none. */
export interface SessionHint {
  gateway: string;
  username?: string | null | undefined;
  tokenFile?: string | null | undefined;
}

/** Options that select gateway and user. */
export interface IdentityOptions extends CredentialOptions {
  gateway?: string | undefined;
  platform?: string | undefined;
}

/** The gateway and user to use, and what may be sent there. */
interface Identity {
  url: string;
  username: string | undefined;
  /** Whether passwords and tokens obtained elsewhere may go to this gateway. Our own token files always may. */
  trusted: boolean;
}

/**
 * Decides on gateway and user.
 *
 * Without a session: flag, environment or profile, else the only live token file. With a session: one of these, or a
 * token file of ours, must name its gateway too. If only a token file and the session name it, passwords go there
 * unless another origin names another gateway.
 *
 * Throws  PCRS_USAGE: no gateway, several token files, a session with a gateway that is not ours
 */
export function identify(
  options: IdentityOptions,
  session: SessionHint | undefined,
  store: TokenStore | undefined,
  now: number,
): Identity {
  const named = namedGateway(options);
  return session ? fromSession(options, session, named, store) : fromOptions(options, named, store, now);
}

interface Named {
  url: string;
  origin: string;
}

function namedGateway(options: IdentityOptions): Named | undefined {
  const { gateway, platform, credentials, origins } = options;
  const candidates: Named[] = [];
  if (gateway !== undefined)
    candidates.push({ url: gatewayUrl(gateway), origin: origins?.['gateway'] ?? 'flag' });
  if (platform !== undefined) {
    candidates.push({ url: platformUrl(platform), origin: origins?.['platform'] ?? 'flag' });
  }
  if (credentials?.gateway !== undefined) {
    candidates.push({
      url: gatewayUrl(credentials.gateway, 'the gateway in --credentials'),
      origin: 'credentials',
    });
  }
  const order = ['flag', 'credentials', 'environment', 'profile'];
  candidates.sort((a, b) => order.indexOf(a.origin) - order.indexOf(b.origin));
  const [first, second] = candidates;
  if (!first || !second || first.url === second.url) return first;
  if (first.origin === second.origin) {
    throw usageError(
      `--gateway (${gateway}) and --platform ${platform} name different gateways; give only one`,
    );
  }
  if (candidates.some((one) => one.origin === 'credentials' && one.url !== first.url)) {
    throw usageError(`--credentials name the gateway ${credentials?.gateway}, but --gateway is ${first.url}`);
  }
  return first;
}

function fromOptions(
  options: IdentityOptions,
  named: Named | undefined,
  store: TokenStore | undefined,
  now: number,
): Identity {
  const username = namedUser(options);
  if (named && username !== undefined) return { url: named.url, username, trusted: true };
  if (named && hasTokenElsewhere(options)) return { url: named.url, username, trusted: true };
  const live = (store?.list() ?? []).filter(
    ({ stored }) =>
      Date.parse(stored.expiresAt) > now &&
      (!named || stored.gateway === named.url) &&
      (username === undefined || stored.username === username),
  );
  if (live.length > 1) throw severalTokens(live, named !== undefined);
  const only = live[0]?.stored;
  if (only) return { url: only.gateway, username: only.username, trusted: true };
  if (!named)
    throw usageError('no gateway is given and no valid token is stored; give --gateway or --platform');
  return { url: named.url, username, trusted: true };
}

function namedUser(options: IdentityOptions): string | undefined {
  const { username, credentials, origins } = options;
  if (credentials?.username === undefined) return username;
  if (
    username !== undefined &&
    username !== credentials.username &&
    (origins?.['username'] ?? 'flag') === 'flag'
  ) {
    throw usageError(`--credentials are those of ${credentials.username}, but --username is ${username}`);
  }
  return credentials.username;
}

function hasTokenElsewhere(options: IdentityOptions): boolean {
  return Boolean(options.tokenFile ?? options.tokenCommand ?? options.env['PCRS_TOKEN']);
}

function severalTokens(live: readonly TokenFile[], hasGateway: boolean): Error {
  const list = live.map(({ stored }) => `${stored.username} at ${stored.gateway}`).join(', ');
  const flags = hasGateway ? '--username' : '--gateway and --username';
  return usageError(`${live.length} valid tokens are stored (${list}); choose one with ${flags}`);
}

function fromSession(
  options: IdentityOptions,
  session: SessionHint,
  named: Named | undefined,
  store: TokenStore | undefined,
): Identity {
  const url = gatewayUrl(session.gateway, "the session's gateway");
  const user = options.username;
  const username = session.username ?? user;
  if (user !== undefined && user !== username && options.origins?.['username'] === 'flag') {
    throw usageError(`the session is of ${username}, but --username is ${user}; omit one of them`);
  }
  if (named && named.url !== url && named.origin === 'flag') {
    throw usageError(`the session is for ${url}, but the flags name ${named.url}; omit one of them`);
  }
  const ours = username === undefined ? undefined : store?.path(url, username);
  checkTokenFile(session.tokenFile ?? undefined, ours);
  const isNamed = named?.url === url;
  const kept = username !== undefined && store?.read(url, username) !== undefined;
  if (!isNamed && !kept) {
    throw usageError(
      `the session names ${url}, but no flag, environment variable, profile or token file of ${username ?? 'yours'} does; give --gateway, or run pcrs-auth again`,
    );
  }
  return { url, username, trusted: isNamed || named === undefined };
}

/** Compares a session's token file with the place of ours; it is never read from there. */
function checkTokenFile(said: string | undefined, ours: string | undefined): void {
  if (said === undefined || said === ours) return;
  throw usageError(
    `the session's token file is ${JSON.stringify(said)}, but here it would be ${ours ?? 'nowhere'}; set the same PCRS_STATE_DIR for all stages`,
  );
}
