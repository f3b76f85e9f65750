import type { Dispatcher } from 'undici';
import type { Endpoint } from './api-versions.ts';
import type { TransportFailure } from './connection-failure.ts';
import { readErrorBody } from './error-body.ts';
import { exchange, type HttpAnswer } from './exchange.ts';
import { brokenBody, codeOf, GatewayError, type Reason } from './gateway-error.ts';
import type { Pacing, Permit } from './rate-limit.ts';
import { header, judgeAnswer, tryBackoffMs, type Verdict, waitBackoffMs, waitMarginMs } from './retry.ts';
import type { Secrets } from './secrets.ts';
import { sleep } from './sleep.ts';
import type { Tokens } from './tokens.ts';

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

/** What came of one try. */
type Outcome<T> =
  | { kind: 'done'; value: T }
  | { kind: 'failed'; reason: Reason; text: string; status?: number | undefined }
  | { kind: 'answered'; verdict: Verdict; text: string; status: number };

/** A wait this long is told to the person at the terminal. */
const toldFromMs = 5000;

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
    let outcome: Outcome<T>;
    try {
      outcome = await once(context, request, consume, { token, dispatcher, permit });
    } finally {
      permit.leave();
    }
    if (outcome.kind === 'done') return outcome.value;
    await question.goOn(outcome, token);
    context.tally.retries += 1;
  }
}

/** The count of tries and waits of one question, and the decision to go on. */
class Question {
  readonly #context: AskContext;
  readonly #request: GatewayRequest;
  readonly #startedMs = Date.now();
  #tries = 0;
  #bodyTries = 0;
  #emptyBreaks = 0;
  #waits = 0;
  #waitingSinceMs: number | undefined;
  #renewed = false;

  constructor(context: AskContext, request: GatewayRequest) {
    this.#context = context;
    this.#request = request;
  }

  /** When waiting for the gateway ends, counted from its first "wait" without an answer since. */
  patienceEnds(): number {
    return (this.#waitingSinceMs ?? Date.now()) + this.#context.maxWaitMs;
  }

  /** Returns when the question is to be put again; throws when it is given up. */
  async goOn(outcome: Exclude<Outcome<never>, { kind: 'done' }>, token: string): Promise<void> {
    if (outcome.kind === 'failed') return this.#tryAgain(outcome.reason, outcome.text, outcome.status);
    const { verdict, status, text } = outcome;
    switch (verdict.kind) {
      case 'wait':
        return this.#wait(verdict.toldMs, status, text);
      case 'try':
        return this.#tryAgain('status', text, status);
      case 'token':
        return this.#renew(token, status, text);
      case 'refused':
        throw this.#error('PCRS_REFUSED', 'fatal', status, `${text}${this.#permissionHint()}`);
      case 'redirect':
        throw this.#error('PCRS_GATEWAY', 'redirect', status, `${text}; is --gateway right?`);
      default:
        throw this.#error('PCRS_GATEWAY', 'fatal', status, `${text}${this.#fatalHint(status)}`);
    }
  }

  async #wait(toldMs: number | undefined, status: number, text: string): Promise<void> {
    this.#waits += 1;
    this.#waitingSinceMs ??= Date.now();
    const { backoffBaseMs, maxWaitMs } = this.#context;
    const ms =
      toldMs === undefined ? waitBackoffMs(this.#waits, backoffBaseMs) : toldMs + waitMarginMs(toldMs);
    const until = Date.now() + ms;
    this.#context.pacing.block(this.#request.endpoint, until, text);
    if (until > this.patienceEnds()) {
      const asked = `a wait of ${seconds(ms)} s is more than --max-wait (${seconds(maxWaitMs)} s) allows`;
      throw this.#error('PCRS_GATEWAY', 'wait', status, `${text}; ${asked}`);
    }
    if (ms > toldFromMs) this.#context.log.info(`${this.#where()}: ${text}; waiting ${seconds(ms)} s`);
  }

  async #tryAgain(reason: Reason, text: string, status: number | undefined): Promise<void> {
    this.#waitingSinceMs = undefined;
    this.#waits = 0;
    this.#tries += 1;
    const isBody = reason === 'body' || (status !== undefined && status >= 500);
    if (isBody) this.#bodyTries += 1;
    if (reason === 'empty-break') this.#emptyBreaks += 1;
    const { retries, backoffBaseMs, log, signal, waiting } = this.#context;
    const { bodyTries = retries + 1, emptyBreakTries = 3 } = this.#request;
    const over =
      this.#tries > retries ||
      (isBody && this.#bodyTries >= bodyTries) ||
      (reason === 'empty-break' && this.#emptyBreaks >= emptyBreakTries);
    if (over) throw this.#error('PCRS_GATEWAY', reason, status, this.#summary(text));
    const ms = tryBackoffMs(this.#tries, backoffBaseMs);
    const told = `${this.#where()}: ${text}; try ${this.#tries + 1} of ${retries + 1} in ${seconds(ms)} s`;
    if (ms > toldFromMs) log.info(told);
    else log.verbose(told);
    waiting(`${text}, again in ${seconds(ms)} s`);
    await sleep(ms, signal);
    waiting(undefined);
  }

  async #renew(token: string, status: number, text: string): Promise<void> {
    if (this.#renewed) throw this.#refusedToken(status, text);
    this.#renewed = true;
    const renewed = await this.#context.tokens.renew(token);
    if (renewed === undefined) throw this.#refusedToken(status, text);
  }

  #refusedToken(status: number, text: string): GatewayError {
    const { method, path } = this.#request;
    const message = `the gateway refused the token (${text.replace(', ', `, ${method} ${path}: `)}); run pcrs-auth again`;
    return new GatewayError('PCRS_REFUSED', message, { reason: 'fatal', status, tries: this.#tries + 1 });
  }

  #error(code: 'PCRS_GATEWAY' | 'PCRS_REFUSED', reason: Reason, status: number | undefined, text: string) {
    const tries = Math.max(1, this.#tries);
    return new GatewayError(code, `${this.#where()}: ${text} (${this.#request.what})`, {
      reason,
      status,
      tries,
    });
  }

  #summary(text: string): string {
    if (this.#tries === 1) return text;
    const s = (Date.now() - this.#startedMs) / 1000;
    return `${text}, ${this.#tries} tries in ${s < 120 ? `${Math.ceil(s)} s` : `${Math.round(s / 60)} min`}`;
  }

  #where(): string {
    return `${this.#request.method} ${this.#request.path}`;
  }

  #permissionHint(): string {
    const { endpoint, path } = this.#request;
    if (endpoint !== 'hostids' || /^\/pcrs\/[12]\./.test(path)) return '; the user lacks a permission';
    return '; the user lacks a permission (from 3.0 on host ids may ask for a Manager; --api-version 2.0 does not)';
  }

  #fatalHint(status: number): string {
    if (status === 404 || status === 410) return '; are --gateway and --api-version right?';
    return '';
  }
}

interface Try {
  token: string;
  dispatcher: Dispatcher;
  permit: Permit;
}

async function once<T>(
  context: AskContext,
  request: GatewayRequest,
  consume: Consume<T>,
  { token, dispatcher, permit }: Try,
): Promise<Outcome<T>> {
  const startedMs = performance.now();
  const path = pathAndQuery(request);
  context.tally.requests += 1;
  permit.sending();
  let answer: HttpAnswer;
  try {
    const { url, userAgent, timeoutMs, lifeMs, signal } = context;
    const http = {
      method: request.method,
      path,
      headers: headersOf(request, token, userAgent),
      body: request.body,
    };
    answer = await exchange(dispatcher, url, http, { timeoutMs, lifeMs, signal });
  } catch (error) {
    context.signal.throwIfAborted();
    const failure = error as TransportFailure;
    context.log.verbose(`${request.method} ${path}: ${failure.message}, ${msSince(startedMs)}`);
    return { kind: 'failed', reason: failure.kind, text: context.secrets.scrub(failure.message) };
  }
  permit.landed(answer.headers);
  try {
    return await judged(context, answer, consume);
  } finally {
    answer.body.cancel();
    context.tally.bytes += answer.body.bytes;
    const said = rateSaid(answer.headers);
    const size = `${answer.body.bytes} bytes, ${msSince(startedMs)}`;
    context.log.verbose(`${request.method} ${path}: ${answer.status}, ${size}${said}`);
  }
}

async function judged<T>(context: AskContext, answer: HttpAnswer, consume: Consume<T>): Promise<Outcome<T>> {
  const { status, headers, body } = answer;
  const scrub = (text: string) => context.secrets.scrub(text);
  if (status === 200 || status === 203 || status === 204) return consumed(context, answer, consume);
  const said = await readErrorBody(body, scrub, context.signal);
  const verdict = judgeAnswer(status, headers, said.code, Date.now());
  const target =
    verdict.kind === 'redirect'
      ? `redirect to ${scrub(header(headers, 'location') ?? 'nowhere')}`
      : undefined;
  const about = target ?? said.message;
  return {
    kind: 'answered',
    verdict,
    status,
    text: about === undefined ? String(status) : `${status}, ${about}`,
  };
}

async function consumed<T>(
  context: AskContext,
  answer: HttpAnswer,
  consume: Consume<T>,
): Promise<Outcome<T>> {
  const { status, headers, body } = answer;
  const coding = header(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  if (!['', 'identity', 'gzip', 'x-gzip'].includes(coding)) {
    return {
      kind: 'failed',
      reason: 'fatal',
      status,
      text: `${status} in an encoding nobody asked for (${coding})`,
    };
  }
  try {
    return { kind: 'done', value: await consume({ status, headers, body: checked(context, answer) }) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (codeOf(error) !== 'PCRS_BROKEN_BODY') throw error;
    const empty = body.bytes === 0 && body.failed;
    const text = `${status}, ${context.secrets.scrub((error as Error).message)}`;
    return { kind: 'failed', reason: empty ? 'empty-break' : 'body', text };
  }
}

/** The body, unless it is an HTML page: proxies and portals answer 200 with one. */
async function* checked(
  context: AskContext,
  answer: HttpAnswer,
): AsyncGenerator<Uint8Array, void, undefined> {
  let first = (header(answer.headers, 'content-type') ?? '').toLowerCase().startsWith('text/html');
  for await (const chunk of answer.body.chunks()) {
    if (first && /^\s*</.test(Buffer.from(chunk.subarray(0, 256)).toString('latin1'))) {
      const page = Buffer.from(chunk).toString('utf8');
      throw brokenBody(`an HTML page instead of JSON: ${context.secrets.scrub(titleOf(page))}`);
    }
    first = false;
    yield chunk;
  }
}

function titleOf(page: string): string {
  return /<title[^>]*>([^<]{0,200})/i.exec(page)?.[1]?.trim() || 'no title';
}

function headersOf(request: GatewayRequest, token: string, userAgent: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': userAgent,
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
  };
}

function pathAndQuery(request: GatewayRequest): string {
  const query = new URLSearchParams(request.query).toString();
  return query === '' ? request.path : `${request.path}?${query}`;
}

function rateSaid(headers: HttpAnswer['headers']): string {
  const [limit, window, remaining, toWait] = ['limit', 'window-sec', 'remaining', 'towait-sec'].map((name) =>
    header(headers, `x-ratelimit-${name}`),
  );
  if (limit === undefined && remaining === undefined && toWait === undefined) return '';
  const wait = toWait === undefined ? '' : `, to wait ${toWait} s`;
  return `, rate: ${remaining ?? '?'} of ${limit ?? '?'} in ${window ?? '?'} s left${wait}`;
}

function msSince(startedMs: number): string {
  return `${Math.round(performance.now() - startedMs)} ms`;
}

function seconds(ms: number): string {
  return ms < 10_000 ? String(Math.round(ms / 100) / 10) : String(Math.round(ms / 1000));
}
