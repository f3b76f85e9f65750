import { BrokenBodyError } from 'pcrs-json/broken-body';
import { codeOf } from 'pcrs-records/errors';
import type { Dispatcher } from 'undici';
import type { TransportFailure } from '../http/connection-failure.ts';
import { exchange, type HttpAnswer } from '../http/exchange.ts';
import type { Permit } from '../pace/rate-limit.ts';
import type { Reason } from './gateway-error.ts';
import { type AskContext, type Consume, type GatewayRequest, pathAndQuery } from './request.ts';
import { header, type Verdict } from './retry.ts';

/** Outcome of one try. */
export type Outcome<T> = { kind: 'done'; value: T } | Unanswered;

/** A try without an answer: it failed on the way, or the answer was an error. */
export type Unanswered =
  | { kind: 'failed'; reason: Reason; text: string; status?: number | undefined }
  | { kind: 'answered'; verdict: Verdict; text: string; status: number };

/** Context of one try. */
interface Try {
  token: string;
  dispatcher: Dispatcher;
  permit: Permit;
}

/**
 * Sends a request once, with this token, and reads the answer. Throws what `consume` throws, and the signal's reason.
 */
export async function attempt<T>(
  context: AskContext,
  request: GatewayRequest,
  consume: Consume<T>,
  { token, dispatcher, permit }: Try,
): Promise<Outcome<T>> {
  const startedMs = performance.now();
  const sentMs = Date.now();
  const path = pathAndQuery(request);
  context.tally.requests += 1;
  let answer: HttpAnswer;
  try {
    const { way, userAgent, limits, signal } = context;
    const http = {
      method: request.method,
      path,
      headers: headersOf(request, token, userAgent),
      body: request.body,
    };
    answer = await exchange(dispatcher, way, http, limits, signal);
  } catch (error) {
    context.signal.throwIfAborted();
    const failure = error as TransportFailure;
    context.log.verbose(`${request.method} ${path}: ${failure.message}, ${msSince(startedMs)}`);
    return { kind: 'failed', reason: failure.kind, text: context.secrets.scrub(failure.message) };
  }
  context.tally.bytes += answer.body.bytes;
  answer.body.onBytes = (count) => {
    context.tally.bytes += count;
  };
  context.clock.compare(answer.headers, sentMs);
  await permit.landed(answer.headers);
  try {
    return await judged(context, answer, consume);
  } finally {
    answer.body.cancel();
    const said = rateSaid(answer.headers);
    const size = `${answer.body.bytes} bytes, ${msSince(startedMs)}`;
    context.log.verbose(context.secrets.scrub(`${request.method} ${path}: ${answer.status}, ${size}${said}`));
  }
}

async function judged<T>(context: AskContext, answer: HttpAnswer, consume: Consume<T>): Promise<Outcome<T>> {
  const { status } = answer;
  if (status === 200 || status === 203 || status === 204) return consumed(context, answer, consume);
  const { refusalOf } = await import('./error-body.ts');
  return { kind: 'answered', ...(await refusalOf(answer, context)) };
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
      text: `${status} in an encoding that was not asked for (${context.secrets.scrub(coding)})`,
    };
  }
  try {
    return { kind: 'done', value: await consume({ status, headers, body: checked(context, answer) }) };
  } catch (error) {
    context.signal.throwIfAborted();
    const text = `${status}, ${context.secrets.scrub((error as Error).message)}`;
    // A reader's own limit (whole.ts) or a `kind` member (elements.ts): reported with the request, not retried.
    if (codeOf(error) === 'PCRS_GATEWAY') return { kind: 'failed', reason: 'fatal', status, text };
    if (codeOf(error) !== 'PCRS_BROKEN_BODY') throw error;
    const empty = body.bytes === 0 && body.failed;
    return { kind: 'failed', reason: empty ? 'empty-break' : 'body', status, text };
  }
}

/** The body, unless it is an HTML page: proxies and portals send one with status 200. */
async function* checked(
  context: AskContext,
  answer: HttpAnswer,
): AsyncGenerator<Uint8Array, void, undefined> {
  let first = (header(answer.headers, 'content-type') ?? '').toLowerCase().startsWith('text/html');
  for await (const chunk of answer.body.chunks()) {
    if (first && /^\s*</.test(Buffer.from(chunk.subarray(0, 256)).toString('latin1'))) {
      const page = Buffer.from(chunk).toString('utf8');
      throw new BrokenBodyError(`an HTML page instead of JSON: ${context.secrets.scrub(titleOf(page))}`);
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
