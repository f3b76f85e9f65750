import { type Account, type AccountOptions, openAccount } from 'pcrs-gateway/account';
import { forget } from 'pcrs-gateway/forget';
import type { Session } from 'pcrs-records/kinds';
import { newRunId } from 'pcrs-records/run-id';

/** Options of a login; `openGateway`'s in pcrs-gateway, without the rate. */
export interface AuthOptions extends AccountOptions {
  /** Log in even if there is a live token. */
  renew?: boolean | undefined;
  /** Start of the run; default now. */
  startedAt?: Date | undefined;
}

/** An opened run, with facts for its caller. */
export interface OpenedSession {
  session: Session;
  /** Whether the following stages, which share its environment and profile, can renew the token. */
  renewable: boolean;
}

/** The presentable facts about a live token. */
export interface TokenFacts {
  kind: 'token';
  gateway: string;
  username: string | null;
  tokenFile: string | null;
  expiresAt: string;
  secondsLeft: number;
}

/**
 * Opens a run: makes sure of a live token in the token file, and makes the record that starts the pipe.
 *
 * Yields  the session; it never holds the token
 * Limits  at most one login, and none if a token is live
 * Throws  PCRS_USAGE, PCRS_REFUSED (wrong password: sent once), PCRS_GATEWAY
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

/** The live token itself: the only function that lets it out of this package. Throws like `openSession`. */
export function liveToken(options: AuthOptions): Promise<string> {
  return withAccount(options, async (account) => {
    await liveFacts(account, options.renew ?? false);
    return account.tokens.current();
  });
}

/**
 * User, place and remaining life of the live token, without a request.
 *
 * Throws  PCRS_REFUSED if there is none
 */
export function checkToken(options: AuthOptions): Promise<TokenFacts> {
  return withAccount(withoutPasswords(options), async (account) => {
    return factsOf(account, (await account.tokens.live()).expiresMs);
  });
}

/** The presentable facts about an account's token. */
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

/** Deletes the token file, expired or not; undefined if there was none. */
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

/** The same options without passwords. */
export function withoutPasswords(options: AuthOptions): AuthOptions {
  const { PCRS_PASSWORD: _, CREDENTIALS_DIRECTORY: __, ...env } = options.env;
  const { username, gateway } = options.credentials ?? {};
  const credentials = { ...(username ? { username } : {}), ...(gateway ? { gateway } : {}) };
  const withheld = hasPassword(options);
  return {
    ...options,
    ...(withheld && {
      withheld,
      advice: 'a password is configured, so pcrs-auth or --check --renew can log in',
    }),
    ...{ env, credentials, passwordFile: undefined, passwordCommand: undefined },
    ...{ profilePassword: undefined, prompt: undefined },
  };
}

/** Whether a password source is set, whatever it returns. */
function hasPassword({
  credentials,
  env,
  passwordCommand,
  passwordFile,
  profilePassword,
}: AuthOptions): boolean {
  const named = [passwordFile, passwordCommand, profilePassword, credentials?.password];
  return [...named, env['PCRS_PASSWORD'], env['CREDENTIALS_DIRECTORY']].some(Boolean);
}
