import { sleep } from 'pcrs-machine/sleep';
import type { Blocked } from '../pace/rate-limit.ts';
import type { Unanswered } from './attempt.ts';
import { GatewayError, type Reason } from './gateway-error.ts';
import type { AskContext, GatewayRequest } from './request.ts';
import { longestMeantMs, seconds, tooLong, tryBackoffMs, waitMs } from './retry.ts';

/** Waits this long are logged. */
const toldFromMs = 5000;

/** Counts the tries and waits of one request, and decides whether to continue. */
export class Question {
  readonly #context: AskContext;
  readonly #request: GatewayRequest;
  readonly #startedMs = performance.now();
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

  /** Time it may still wait, counted from the gateway's first demand to wait since the last answer. */
  patienceMs(): number {
    const now = performance.now();
    return (this.#waitingSinceMs ?? now) + this.#context.limits.maxWaitMs - now;
  }

  /** The error for a turn that would come later than this request may wait. */
  outOfPatience({ waitMs: ms, waitedMs, why }: Blocked): GatewayError {
    return this.#impatience(ms, why, undefined, waitedMs);
  }

  /** Returns when the request may be sent again; throws when it is given up. */
  async goOn(outcome: Unanswered, token: string): Promise<void> {
    const isUnauthorized = outcome.kind === 'answered' && outcome.verdict.kind === 'token';
    // With its waits a request may take hours; each token gets one chance.
    if (!isUnauthorized) this.#renewed = false;
    if (outcome.kind === 'failed') {
      if (outcome.reason === 'fatal')
        throw this.#error('PCRS_GATEWAY', 'fatal', outcome.status, outcome.text);
      return this.#tryAgain(outcome.reason, outcome.text, outcome.status);
    }
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
    this.#waitingSinceMs ??= performance.now();
    const { limits, log, pacing } = this.#context;
    const ms = waitMs(toldMs, this.#waits, limits.backoffBaseMs);
    // An absurd wait ends this request and binds no other.
    if (ms > longestMeantMs) throw this.#impatience(ms, text, status);
    await pacing.block(this.#request.endpoint, ms, text);
    if (ms > this.patienceMs()) throw this.#impatience(ms, text, status);
    if (ms > toldFromMs) log.info(`${this.#where()}: ${text}; waiting ${seconds(ms)} s`);
  }

  #impatience(ms: number, why: string, status: number | undefined, queuedMs = 0): GatewayError {
    const waitedMs = this.#waitingSinceMs === undefined ? queuedMs : performance.now() - this.#waitingSinceMs;
    const text = `${why}; ${tooLong(ms, waitedMs, this.#context.limits.maxWaitMs)}`;
    return this.#error('PCRS_GATEWAY', 'wait', status, text);
  }

  async #tryAgain(reason: Reason, text: string, status: number | undefined): Promise<void> {
    this.#waitingSinceMs = undefined;
    this.#waits = 0;
    this.#tries += 1;
    const isBody = reason === 'body' || (status !== undefined && status >= 500);
    if (isBody) this.#bodyTries += 1;
    if (reason === 'empty-break') this.#emptyBreaks += 1;
    const { limits, log, signal, waiting } = this.#context;
    const { retries, backoffBaseMs } = limits;
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
    const s = (performance.now() - this.#startedMs) / 1000;
    return `${text}, ${this.#tries} tries in ${s < 120 ? `${Math.ceil(s)} s` : `${Math.round(s / 60)} min`}`;
  }

  #where(): string {
    return `${this.#request.method} ${this.#request.path}`;
  }

  #permissionHint(): string {
    const { endpoint, path } = this.#request;
    if (endpoint !== 'hostids' || /^\/pcrs\/[12]\./.test(path)) return '; the user lacks a permission';
    return '; the user lacks a permission (host ids 3.0 and later may require a Manager; --api-version 2.0 does not)';
  }

  #fatalHint(status: number): string {
    if (status === 404 || status === 410) return '; are --gateway and --api-version right?';
    return '';
  }
}
