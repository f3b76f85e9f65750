import type { Dispatcher } from 'undici';
import { type AskContext, ask, type Consume, type GatewayRequest, type Tally } from './ask.ts';
import { openDispatcher } from './dispatcher.ts';
import { refusedError, usageError } from './gateway-error.ts';
import { gatewayUrl } from './gateway-url.ts';
import { login } from './login.ts';
import { platformUrl } from './platforms.ts';
import { proxyRoute } from './proxy.ts';
import { Secrets } from './secrets.ts';

export type { Consume, GatewayAnswer, GatewayRequest, Tally } from './ask.ts';

/** Everything that connects: from flags, environment and profile. */
export interface GatewayOptions {
  gateway?: string | undefined;
  platform?: string | undefined;
  username?: string | undefined;
  passwordFile?: string | undefined;
  passwordCommand?: string | undefined;
  tokenFile?: string | undefined;
  tokenCommand?: string | undefined;
  profilePassword?: string | undefined;
  credentials?: { username?: string; password?: string; gateway?: string } | undefined;
  caFile?: string | undefined;
  proxy?: string | undefined;
  strict?: boolean | undefined;
  timeoutMs: number;
  retries: number;
  maxWaitMs: number;
  rate: { requests: number; seconds: number };
  concurrency: number;
  /** The shortest backoff is half of it; default 500. */
  backoffBaseMs?: number | undefined;
  env: Record<string, string | undefined>;
  uid: number | undefined;
  userAgent: string;
  signal: AbortSignal;
  log: {
    warn(message: string): void;
    info(message: string): void;
    verbose(message: string): void;
    secret(value: string): void;
  };
  waiting?: ((text: string | undefined) => void) | undefined;
  origins?: Record<string, string> | undefined;
}

/** What a session record says; it chooses among what is ours and decides nothing. */
export interface SessionHint {
  gateway: string;
  username: string;
  tokenFile?: string | null | undefined;
}

/** A gateway to ask. */
export interface Gateway {
  url: string;
  username: string | undefined;
  tally: Tally;
  ask<T>(request: GatewayRequest, consume: Consume<T>): Promise<T>;
  close(): Promise<void>;
}

/** Opens a gateway without asking it anything; the first question makes the login, if one is needed. */
export async function openGateway(options: GatewayOptions, session?: SessionHint): Promise<Gateway> {
  const secrets = new Secrets((value) => options.log.secret(value));
  const named =
    session?.gateway ?? options.gateway ?? (options.platform ? platformUrl(options.platform) : undefined);
  if (!named) throw usageError('no gateway; give --gateway or --platform');
  const url = gatewayUrl(named);
  const username = session?.username ?? options.username;
  const route = proxyRoute(url, options.proxy, options.env, secrets);
  const backoffBaseMs = options.backoffBaseMs ?? 500;
  let opened: Promise<Dispatcher> | undefined;
  const dispatcher = () => {
    opened ??= openDispatcher({ gateway: url, route, caFile: options.caFile, timeoutMs: options.timeoutMs });
    return opened;
  };
  let token: Promise<string> | undefined;
  const fresh = async () => {
    const password = options.env['PCRS_PASSWORD'];
    if (!username || !password) throw refusedError('no token and no credentials; run pcrs-auth again');
    const live = await login({
      gateway: url,
      username,
      password,
      dispatcher: await dispatcher(),
      secrets,
      userAgent: options.userAgent,
      timeoutMs: options.timeoutMs,
      retries: options.retries,
      maxWaitMs: options.maxWaitMs,
      backoffBaseMs,
      signal: options.signal,
      verbose: (message) => options.log.verbose(message),
    });
    return live.token;
  };
  const context: AskContext = {
    url,
    tokens: {
      current: () => {
        token ??= fresh();
        return token;
      },
      renew: async (refused) => {
        if ((await token) === refused) token = fresh();
        return token;
      },
    },
    pacing: {
      enter: async () => ({ sending() {}, landed() {}, leave() {} }),
      block() {},
    },
    secrets,
    tally: { requests: 0, retries: 0, bytes: 0 },
    userAgent: options.userAgent,
    timeoutMs: options.timeoutMs,
    retries: options.retries,
    maxWaitMs: options.maxWaitMs,
    backoffBaseMs,
    signal: options.signal,
    log: options.log,
    waiting: (text) => options.waiting?.(text),
    dispatcher,
  };
  return {
    url,
    username,
    tally: context.tally,
    ask: (request, consume) => ask(context, request, consume),
    close: async () => {
      await (await opened)?.destroy();
    },
  };
}
