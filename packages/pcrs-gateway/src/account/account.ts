import { type LockTimes, lockTimes } from 'pcrs-machine/lock';
import type { Dispatcher } from 'undici';
import { openDispatcher } from '../http/dispatcher.ts';
import { proxyRoute } from '../http/proxy.ts';
import { passwordSources, tokenSource } from './credentials.ts';
import { type IdentityOptions, identify, type SessionHint } from './identity.ts';
import { tokenClaims } from './jwt.ts';
import { Secrets } from './secrets.ts';
import { stateRoot } from './state-directory.ts';
import { TokenStore } from './token-store.ts';
import { Tokens } from './tokens.ts';

/** What is needed to be somebody at a gateway. */
export interface AccountOptions extends IdentityOptions {
  caFile?: string | undefined;
  proxy?: string | undefined;
  timeoutMs: number;
  retries: number;
  maxWaitMs: number;
  /** The shortest backoff is half of it; default 500. */
  backoffBaseMs?: number | undefined;
  userAgent: string;
  log: {
    warn(message: string): void;
    info(message: string): void;
    verbose(message: string): void;
    secret(value: string): void;
  };
  /** What to do without a token and without credentials; default: run pcrs-auth again. */
  advice?: string | undefined;
}

/** A user at a gateway: token, connections, and where both are kept. */
export interface Account {
  url: string;
  /** Undefined only with a token obtained elsewhere that does not say whose it is. */
  readonly username: string | undefined;
  tokens: Tokens;
  secrets: Secrets;
  /** The state directory while it can be written. */
  stateRoot(): string | undefined;
  store: TokenStore | undefined;
  backoffBaseMs: number;
  lockTimes: LockTimes;
  dispatcher(): Promise<Dispatcher>;
  /** Tells once that nothing can be kept, and why; from then on nothing is. */
  onUnwritable(error: unknown): void;
  close(): Promise<void>;
}

/**
 * Finds out who asks which gateway, without asking it.
 *
 * Throws  PCRS_USAGE; see identity.ts
 */
export async function openAccount(options: AccountOptions, session?: SessionHint): Promise<Account> {
  const secrets = new Secrets((value) => options.log.secret(value));
  const root = stateRoot(options.env);
  const store = root === undefined ? undefined : new TokenStore(root, options.uid);
  const identity = identify(options, session, store, Date.now());
  const { url } = identity;
  const passwords = identity.trusted ? passwordSources(options, secrets) : [];
  const elsewhere = identity.trusted ? tokenSource(options, secrets) : undefined;
  const username = identity.username ?? subjectOf(options.env['PCRS_TOKEN']);
  const route = proxyRoute(url, options.proxy, options.env, secrets);
  const {
    caFile,
    timeoutMs,
    retries,
    maxWaitMs,
    userAgent,
    signal,
    log,
    advice,
    backoffBaseMs = 500,
  } = options;

  const times = lockTimes(options.env);
  let writable = root !== undefined;
  let told = false;
  const unwritable = (error: unknown) => {
    if (!told) log.warn(memoryWarning(root, error));
    told = true;
    writable = false;
  };
  let opened: Promise<Dispatcher> | undefined;
  const dispatcher = () => {
    opened ??= openDispatcher({ gateway: url, route, caFile, timeoutMs });
    return opened;
  };
  const common = { gateway: url, secrets, userAgent, timeoutMs, retries, maxWaitMs, backoffBaseMs, signal };
  const tokens = new Tokens({
    ...{ url, username, store, elsewhere, passwords, secrets, signal, log, advice, onUnwritable: unwritable },
    lockTimes: times,
    async login(user, password) {
      const { login } = await import('./login.ts');
      return login({ ...common, username: user, password, dispatcher: await dispatcher(), log });
    },
  });
  return {
    ...{ url, tokens, secrets, store, backoffBaseMs, dispatcher, onUnwritable: unwritable },
    lockTimes: times,
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
  return token === undefined ? undefined : tokenClaims(token.trim()).subject;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason given';
}

function memoryWarning(root: string | undefined, error: unknown): string {
  const where =
    root === undefined ? 'there is no state directory' : `the state cannot be written (${messageOf(error)})`;
  return `${where}: the token stays in memory and requests are paced by this process alone; set PCRS_STATE_DIR`;
}
