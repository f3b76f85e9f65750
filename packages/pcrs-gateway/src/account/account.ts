import { lockTimes } from 'pcrs-machine/lock';
import { Secrets } from 'pcrs-records/secrets';
import type { Dispatcher } from 'undici';
import { type AllLimits, type Limits, limitsOf } from '../ask/limits.ts';
import type { Way } from '../http/connection-failure.ts';
import { openDispatcher } from '../http/dispatcher.ts';
import { proxyRoute } from '../http/proxy.ts';
import { ServerClock } from '../http/server-clock.ts';
import { passwordSources, tokenSource } from './credentials.ts';
import { type IdentityOptions, identify, type SessionHint } from './identity.ts';
import { tokenClaims } from './jwt.ts';
import { tokenText } from './secret-text.ts';
import { stateRoot } from './state-directory.ts';
import type { StateLocking } from './state-lock.ts';
import { TokenStore } from './token-store.ts';
import { Tokens } from './tokens.ts';

/** Options of an account at a gateway. */
export interface AccountOptions extends IdentityOptions, Limits {
  caFile?: string | undefined;
  proxy?: string | undefined;
  userAgent: string;
  log: {
    warn(message: string): void;
    info(message: string): void;
    verbose(message: string): void;
  };
  /** The log's secrets; those met here are added. */
  secrets?: Secrets | undefined;
  /** Advice for an error without a token and without credentials; default: run pcrs-auth again. */
  advice?: string | undefined;
  /** There are credentials that must not be used here; the error then does not claim that there are none. */
  withheld?: boolean | undefined;
}

/** A user at a gateway: token, connections, and where both are kept. */
export interface Account {
  url: string;
  way: Way;
  /** Undefined only for a token obtained elsewhere that does not name its user. */
  readonly username: string | undefined;
  tokens: Tokens;
  secrets: Secrets;
  /** The state directory, if it is writable. */
  stateRoot(): string | undefined;
  store: TokenStore | undefined;
  limits: AllLimits;
  clock: ServerClock;
  locking: StateLocking;
  dispatcher(): Promise<Dispatcher>;
  /** Logs once that nothing can be stored, and why; nothing is stored from then on. */
  onUnwritable(error: unknown): void;
  close(): Promise<void>;
}

/**
 * Determines user and gateway, without a request.
 *
 * Throws  PCRS_USAGE; see identity.ts
 */
export async function openAccount(options: AccountOptions, session?: SessionHint): Promise<Account> {
  const { secrets = new Secrets() } = options;
  const root = stateRoot(options.env);
  const store = root === undefined ? undefined : new TokenStore(root, options.uid);
  const identity = identify(options, session, store, Date.now());
  const { url } = identity;
  const passwords = identity.trusted ? passwordSources(options, secrets) : [];
  const elsewhere = identity.trusted ? tokenSource(options, secrets) : undefined;
  const username = identity.username ?? subjectOf(options.env['PCRS_TOKEN']);
  const route = proxyRoute(url, options.proxy, options.env, secrets);
  const proxy = route.proxy === undefined ? undefined : { url: route.proxy, name: route.name };
  const way: Way = { gateway: url, proxy };
  const { caFile, userAgent, signal, log } = options;
  const limits = limitsOf(options);
  const clock = new ServerClock((message) => log.warn(message));

  const locking = { times: lockTimes(options.env), maxWaitMs: limits.maxWaitMs };
  let writable = root !== undefined;
  let told = false;
  const onUnwritable = (error: unknown) => {
    if (!told) log.warn(memoryWarning(root, error));
    told = true;
    writable = false;
  };
  let opened: Promise<Dispatcher> | undefined;
  const dispatcher = () => {
    opened ??= openDispatcher({ gateway: url, route, caFile, timeoutMs: limits.timeoutMs, signal });
    return opened;
  };
  const tokens = new Tokens({
    ...options,
    ...{ url, username, store, elsewhere, passwords, secrets, locking, onUnwritable },
    async login(user, password) {
      const { login } = await import('./login.ts');
      const who = { way, username: user, password, dispatcher: await dispatcher() };
      return login({ ...who, secrets, clock, userAgent, limits, signal, log });
    },
  });
  return {
    ...{ url, way, tokens, secrets, store, limits, clock, dispatcher, onUnwritable, locking },
    get username() {
      return tokens.username;
    },
    stateRoot: () => (writable ? root : undefined),
    async close() {
      await (await opened?.catch(() => undefined))?.destroy();
    },
  };
}

function subjectOf(token: string | undefined): string | undefined {
  return token === undefined ? undefined : tokenClaims(tokenText(token)).subject;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason given';
}

function memoryWarning(root: string | undefined, error: unknown): string {
  const where =
    root === undefined ? 'no state directory' : `the state cannot be written (${messageOf(error)})`;
  return `${where}: the token stays in memory and requests are paced by this process alone; set PCRS_STATE_DIR`;
}
