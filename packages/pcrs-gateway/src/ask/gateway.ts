import { type AccountOptions, openAccount } from '../account/account.ts';
import type { SessionHint } from '../account/identity.ts';
import { Pacing } from '../pace/rate-limit.ts';
import { ask } from './ask.ts';
import { withDefaults } from './gateway-defaults.ts';
import type { AskContext, Consume, GatewayRequest, Tally } from './request.ts';

export type { GatewayAnswer, GatewayRequest } from './request.ts';

/** Options for connection, account and pacing: from flags, environment and profile. */
export interface GatewayOptions extends AccountOptions {
  /** At most `requests` per `seconds`, across all processes of this user. */
  rate: { requests: number; seconds: number };
  /** Requests in flight, across all processes of this user. */
  concurrency: number;
  /** Called with the reason for waiting, and with undefined when the wait is over. */
  waiting?: ((text: string | undefined) => void) | undefined;
  /** Called at each request with the number of further requests allowed right now, and the window's seconds. */
  allowed?: ((left: number, seconds: number) => void) | undefined;
}

/** An open gateway. */
export interface Gateway {
  url: string;
  readonly username: string | undefined;
  tally: Tally;
  /**
   * Sends one request until it is answered, given up or refused.
   *
   * Takes   consume   reads the body, once per try; an error with code PCRS_BROKEN_BODY counts as a failed try
   * Throws  GatewayError, see gateway-error.ts; any other error of `consume`; the signal's reason
   */
  ask<T>(request: GatewayRequest, consume: Consume<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens a gateway without a request; the first request logs in, if needed.
 *
 * Takes   given     options that differ from the defaults of the tools' flags (gateway-defaults.ts); `{ env:
 *                   process.env }` behaves like a tool without flags
 *         session   the run's session record, if there is one
 * Throws  PCRS_USAGE: no gateway, or a session with a gateway that is not ours
 */
export async function openGateway(given: Partial<GatewayOptions>, session?: SessionHint): Promise<Gateway> {
  const options = withDefaults(given);
  const account = await openAccount(options, session);
  const waiting = (text: string | undefined) => options.waiting?.(text);
  let pacing: Pacing | undefined;
  const { way, tokens, secrets, limits, clock, dispatcher } = account;
  const { userAgent, signal, log } = options;
  const context: AskContext = {
    ...{ way, tokens, secrets, limits, clock, dispatcher, userAgent, signal, log, waiting },
    // The user may become known only with a token, which comes before the first request.
    get pacing() {
      pacing ??= new Pacing({
        ...options,
        ...{ gateway: account.url, username: account.username, stateRoot: account.stateRoot() },
        ...{ locking: account.locking, onUnwritable: account.onUnwritable },
        info: (message) => log.info(message),
        waiting,
        allowed: (left, seconds) => options.allowed?.(left, seconds),
      });
      return pacing;
    },
    tally: { requests: 0, retries: 0, bytes: 0 },
  };
  return {
    url: account.url,
    get username() {
      return account.username;
    },
    tally: context.tally,
    ask: (request, consume) => ask(context, request, consume),
    close: () => account.close(),
  };
}
