import type { Dispatcher } from 'undici';
import type { Secrets } from '../account/secrets.ts';
import type { Tokens } from '../account/tokens.ts';
import type { Pacing } from '../pace/rate-limit.ts';
import type { Endpoint } from './api-versions.ts';
import { attempt, type Outcome } from './attempt.ts';
import { Question } from './question.ts';

/** One question to the gateway. */
export interface GatewayRequest {
  endpoint: Endpoint;
  method: 'GET' | 'POST';
  path: string;
  query: Record<string, string>;
  body?: string | Uint8Array;
  /** Which policies and hosts, for messages: `policy 5772988, 50 hosts from 118772`. */
  what: string;
  /** Give up after so many broken bodies and 5xx; default: all tries. */
  bodyTries?: number;
  /** Give up after so many 200s that broke before their first byte; default 3. */
  emptyBreakTries?: number;
}

/** What `consume` is given; the body can be read once. */
export interface GatewayAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: AsyncIterable<Uint8Array>;
}

export type Consume<T> = (answer: GatewayAnswer) => Promise<T>;

/** Requests sent, those that were repetitions, and the bytes of all bodies; logins are not among them. */
export interface Tally {
  requests: number;
  retries: number;
  bytes: number;
}

/** All that a question needs of the gateway it is put to. */
export interface AskContext {
  url: string;
  tokens: Tokens;
  pacing: Pacing;
  secrets: Secrets;
  tally: Tally;
  userAgent: string;
  timeoutMs: number;
  lifeMs?: number | undefined;
  retries: number;
  maxWaitMs: number;
  backoffBaseMs: number;
  signal: AbortSignal;
  log: { info(message: string): void; verbose(message: string): void };
  waiting(text: string | undefined): void;
  dispatcher(): Promise<Dispatcher>;
}

/**
 * Puts one question until it is answered, given up or refused: waits, tries and token renewals.
 *
 * Takes   consume   runs once a try; what it throws with code PCRS_BROKEN_BODY is a try, anything else is passed on
 * Throws  GatewayError; PCRS_REFUSED without a token or with a refused one; the signal's reason
 */
export async function ask<T>(context: AskContext, request: GatewayRequest, consume: Consume<T>): Promise<T> {
  const question = new Question(context, request);
  for (;;) {
    const token = await context.tokens.current();
    const dispatcher = await context.dispatcher();
    const permit = await context.pacing.enter(request.endpoint, question.patienceEnds());
    if ('why' in permit) throw question.outOfPatience(permit);
    let outcome: Outcome<T>;
    try {
      outcome = await attempt(context, request, consume, { token, dispatcher, permit });
    } finally {
      await permit.leave();
    }
    if (outcome.kind === 'done') return outcome.value;
    await question.goOn(outcome, token);
    context.tally.retries += 1;
  }
}
