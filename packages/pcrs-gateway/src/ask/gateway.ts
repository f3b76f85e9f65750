import { type AccountOptions, openAccount } from '../account/account.ts';
import type { SessionHint } from '../account/identity.ts';
import { Pacing } from '../pace/rate-limit.ts';
import { ask } from './ask.ts';
import { withDefaults } from './gateway-defaults.ts';
import type { AskContext, Consume, GatewayRequest, Tally } from './request.ts';

export type { SessionHint } from '../account/identity.ts';
export type { Consume, GatewayAnswer, GatewayRequest, Tally } from './request.ts';

/** All that connects, proves who asks, and paces: from flags, environment and profile. */
export interface GatewayOptions extends AccountOptions {
  /** At most so many requests in so many seconds, over all processes of this user. */
  rate: { requests: number; seconds: number };
  /** Requests in flight, over all processes of this user. */
  concurrency: number;
  /** Told what is waited for, and undefined when it is over. */
  waiting?: ((text: string | undefined) => void) | undefined;
  /** Told at each request how many more may go out at once, and the seconds of the window they count in. */
  allowed?: ((left: number, seconds: number) => void) | undefined;
}

/** A gateway to ask. */
export interface Gateway {
  url: string;
  readonly username: string | undefined;
  tally: Tally;
  /**
   * Puts one question until it is answered, given up or refused.
   *
   * Takes   consume   reads the body, once a try; what it throws with code PCRS_BROKEN_BODY is a try
   * Throws  GatewayError, see gateway-error.ts; what `consume` throws otherwise; the signal's reason
   */
  ask<T>(request: GatewayRequest, consume: Consume<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens a gateway without asking it anything; the first question makes the login, if one is needed.
 *
 * Takes   given     what differs from the defaults of the tools' flags (gateway-defaults.ts); `{ env: process.env }` asks
 *                   whom and as the tools would without a flag
 *         session   the run's session record, where there is one
 * Throws  PCRS_USAGE: no gateway, or a session that names what is not ours
 */
export async function openGateway(given: Partial<GatewayOptions>, session?: SessionHint): Promise<Gateway> {
  const options = withDefaults(given);
  const account = await openAccount(options, session);
  const waiting = (text: string | undefined) => options.waiting?.(text);
  let pacing: Pacing | undefined;
  const context: AskContext = {
    way: account.way,
    tokens: account.tokens,
    // The user may be known only once there is a token, which is before the first request.
    get pacing() {
      pacing ??= new Pacing({
        rate: options.rate,
        concurrency: options.concurrency,
        stateRoot: account.stateRoot(),
        gateway: account.url,
        username: account.username,
        uid: options.uid,
        signal: options.signal,
        lockTimes: account.lockTimes,
        onUnwritable: account.onUnwritable,
        info: (message) => options.log.info(message),
        waiting,
        allowed: (left, seconds) => options.allowed?.(left, seconds),
      });
      return pacing;
    },
    secrets: account.secrets,
    tally: { requests: 0, retries: 0, bytes: 0 },
    userAgent: options.userAgent,
    limits: account.limits,
    clock: account.clock,
    signal: options.signal,
    log: options.log,
    waiting,
    dispatcher: account.dispatcher,
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
