import { sleep } from 'pcrs-machine/sleep';
import type { Secrets } from 'pcrs-records/secrets';
import type { Dispatcher } from 'undici';
import { parseErrorBody, refusalOf } from '../ask/error-body.ts';
import { GatewayError } from '../ask/gateway-error.ts';
import type { AllLimits } from '../ask/limits.ts';
import { longestMeantMs, tooLong, tryBackoffMs, type Verdict, waitMs } from '../ask/retry.ts';
import type { TransportFailure, Way } from '../http/connection-failure.ts';
import { exchange, type HttpAnswer } from '../http/exchange.ts';
import type { ServerClock } from '../http/server-clock.ts';
import { isTokenLike, type LiveToken, tokenClaims, tokenLifeMs } from './jwt.ts';

export interface LoginOptions {
  way: Way;
  username: string;
  password: string;
  dispatcher: Dispatcher;
  secrets: Secrets;
  userAgent: string;
  limits: AllLimits;
  clock: ServerClock;
  signal: AbortSignal;
  log: { info(message: string): void; verbose(message: string): void };
}

const maxTokenBytes = 64 * 1024;

/**
 * Requests a token from the gateway.
 *
 * Limits  --retries for 5xx, connection failures and responses without a token, --max-wait for waits; a 401 is never
 *         retried, since that may lock the user
 * Throws  PCRS_REFUSED for 401 and 403; PCRS_GATEWAY for the rest
 * Source  POST /auth with username, password, token=true, permissions=true (docs.qualys.com, appendix E)
 */
export async function login(options: LoginOptions): Promise<LiveToken> {
  options.secrets.add(options.password);
  const { limits } = options;
  const startedMs = performance.now();
  let waits = 0;
  for (let tries = 1; ; ) {
    const outcome = await once(options);
    if ('token' in outcome) return outcome;
    const { verdict, status, text } = outcome;
    const fail = (code: 'PCRS_GATEWAY' | 'PCRS_REFUSED', end: string) =>
      new GatewayError(code, `${options.way.gateway}/auth: ${text}${end}`, {
        reason: 'status',
        status,
        tries,
      });
    if (verdict.kind === 'token' || verdict.kind === 'refused') {
      const ask =
        'check user and password, and that the user has API access and is not limited to single sign-on';
      throw fail('PCRS_REFUSED', `; the gateway refuses ${options.username}; ${ask}`);
    }
    if (verdict.kind === 'wait') {
      waits += 1;
      const ms = waitMs(verdict.toldMs, waits, limits.backoffBaseMs);
      const waitedMs = performance.now() - startedMs;
      if (ms > longestMeantMs || waitedMs + ms > limits.maxWaitMs)
        throw fail('PCRS_GATEWAY', `; ${tooLong(ms, waitedMs, limits.maxWaitMs)}`);
      tell(options, `${text}; waiting ${Math.ceil(ms / 1000)} s`, ms);
      await sleep(ms, options.signal);
    } else if (verdict.kind === 'try' && tries <= limits.retries) {
      const ms = tryBackoffMs(tries, limits.backoffBaseMs);
      tell(options, `${text}; try ${tries + 1} of ${limits.retries + 1} in ${Math.ceil(ms / 1000)} s`, ms);
      await sleep(ms, options.signal);
      tries += 1;
    } else {
      throw fail('PCRS_GATEWAY', tries > 1 ? `, ${tries} tries` : '');
    }
  }
}

/** Logs a wait of more than 5 s, as other requests do. */
function tell(options: LoginOptions, message: string, ms: number): void {
  if (ms > 5000) options.log.info(`POST /auth: ${message}`);
  else options.log.verbose(`POST /auth: ${message}`);
}

type Failed = { verdict: Verdict; status: number | undefined; text: string };

async function once(options: LoginOptions): Promise<LiveToken | Failed> {
  const form = { username: options.username, password: options.password, token: 'true', permissions: 'true' };
  const startedMs = performance.now();
  const sentMs = Date.now();
  let answer: HttpAnswer;
  try {
    answer = await exchange(
      options.dispatcher,
      options.way,
      {
        method: 'POST',
        path: '/auth',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'text/plain, */*',
          'user-agent': options.userAgent,
        },
        body: new URLSearchParams(form).toString(),
      },
      options.limits,
      options.signal,
    );
    options.clock.compare(answer.headers, sentMs);
  } catch (error) {
    options.signal.throwIfAborted();
    const failure = error as TransportFailure;
    return {
      verdict: { kind: failure.kind === 'fatal' ? 'fatal' : 'try' },
      status: undefined,
      text: failure.message,
    };
  }
  const outcome =
    answer.status >= 200 && answer.status < 300
      ? await token(answer, options)
      : await refusalOf(answer, options);
  options.log.verbose(`POST /auth: ${answer.status}, ${Math.round(performance.now() - startedMs)} ms`);
  return outcome;
}

async function token(answer: HttpAnswer, options: LoginOptions): Promise<LiveToken | Failed> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer.body.chunks()) {
      chunks.push(chunk);
      if (answer.body.bytes > maxTokenBytes) break;
    }
  } catch (error) {
    options.signal.throwIfAborted();
    return { verdict: { kind: 'try' }, status: answer.status, text: (error as Error).message };
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (!isTokenLike(text)) {
    const { message } = parseErrorBody(text, (said) => options.secrets.scrub(said));
    const shown = message === undefined ? 'an empty body' : JSON.stringify(message);
    return {
      verdict: { kind: 'try' },
      status: answer.status,
      text: `${answer.status} without a token: ${shown}`,
    };
  }
  options.secrets.add(text);
  return { token: text, expiresMs: endOf(text, Date.now()) };
}

/** A larger difference means that another clock wrote the times. */
const sameClockMs = 60_000;

/** End of a new token, by our clock; if the gateway's clock differs, its life counts from now. */
function endOf(token: string, now: number): number {
  const { expiresMs, issuedMs } = tokenClaims(token);
  if (expiresMs === undefined) return now + tokenLifeMs;
  if (issuedMs === undefined || issuedMs >= expiresMs) return expiresMs > now ? expiresMs : now + tokenLifeMs;
  return Math.abs(issuedMs - now) > sameClockMs ? now + expiresMs - issuedMs : expiresMs;
}
