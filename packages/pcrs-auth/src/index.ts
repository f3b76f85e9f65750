import { type Account, type AccountOptions, openAccount } from 'pcrs-gateway/account';
import { forget } from 'pcrs-gateway/forget';
import type { Session } from 'pcrs-records/kinds';
import { newRunId } from 'pcrs-records/run-id';

/** Who logs in where, and how; as `openGateway` of pcrs-gateway takes it, without the rate. */
export interface AuthOptions extends AccountOptions {
  /** Makes a login also where there is a live token. */
  renew?: boolean | undefined;
  /** When the run starts; default now. */
  startedAt?: Date | undefined;
}

/** An opened run, and what whoever opened it should know. */
export interface OpenedSession {
  session: Session;
  /** Whether the stages after this one, which have its environment and profile, can renew the token. */
  renewable: boolean;
}

/** A live token as it may be shown. */
export interface TokenFacts {
  kind: 'token';
  gateway: string;
  username: string | null;
  tokenFile: string | null;
  expiresAt: string;
  secondsLeft: number;
}

/**
 * Opens a run: sees to a live token in the token file, and makes the record that starts the pipe.
 *
 * Yields  the session; it never holds the token
 * Limits  one login at most, and none where a token is live
 * Throws  PCRS_USAGE, PCRS_REFUSED (wrong password: asked once), PCRS_GATEWAY
 */
export function openSession(options: AuthOptions): Promise<OpenedSession> {
  return withAccount(options, async (account) => {
    const { expiresAt, tokenFile } = await liveFacts(account, options.renew ?? false);
    const startedAt = options.startedAt ?? new Date();
    const session: Session = {
      kind: 'session',
      runId: newRunId(startedAt),
      gateway: account.url,
      username: account.username ?? null,
      tokenFile,
      expiresAt,
      startedAt: startedAt.toISOString(),
    };
    return { session, renewable: account.tokens.renewableByAll };
  });
}

/** The live token itself: the one way in which it leaves this package. Throws as `openSession` does. */
export function liveToken(options: AuthOptions): Promise<string> {
  return withAccount(options, async (account) => {
    await liveFacts(account, options.renew ?? false);
    return account.tokens.current();
  });
}

/**
 * Whose token is live, where, and for how long, without asking the gateway.
 *
 * Throws  PCRS_REFUSED where none is
 */
export function checkToken(options: AuthOptions): Promise<TokenFacts> {
  return withAccount(withoutPasswords(options), async (account) => {
    return factsOf(account, (await account.tokens.live()).expiresMs);
  });
}

/** What may be shown of an account's token. */
export function factsOf(account: Account, expiresMs: number): TokenFacts {
  return {
    kind: 'token',
    gateway: account.url,
    username: account.username ?? null,
    tokenFile: account.tokens.file ?? null,
    expiresAt: new Date(expiresMs).toISOString(),
    secondsLeft: Math.floor((expiresMs - Date.now()) / 1000),
  };
}

/** Deletes the token file, live or not; undefined where there was none. */
export async function logout(options: AuthOptions): Promise<string | undefined> {
  return forget(options);
}

async function withAccount<T>(options: AuthOptions, work: (account: Account) => Promise<T>): Promise<T> {
  const account = await openAccount(options);
  try {
    return await work(account);
  } finally {
    await account.close();
  }
}

async function liveFacts(account: Account, renew: boolean) {
  const live = renew ? await account.tokens.force() : await account.tokens.live();
  account.tokens.keep(live);
  return { expiresAt: new Date(live.expiresMs).toISOString(), tokenFile: account.tokens.file ?? null };
}

/** The same options with nothing to log in with. */
export function withoutPasswords(options: AuthOptions): AuthOptions {
  const { PCRS_PASSWORD: _, CREDENTIALS_DIRECTORY: __, ...env } = options.env;
  const { username, gateway } = options.credentials ?? {};
  const credentials = { ...(username ? { username } : {}), ...(gateway ? { gateway } : {}) };
  return {
    ...options,
    ...{ env, credentials, passwordFile: undefined, passwordCommand: undefined },
    ...{ profilePassword: undefined, prompt: undefined },
  };
}
