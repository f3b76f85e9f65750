import { setImmediate } from 'node:timers/promises';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import type { Dispatcher } from 'undici';
import type { AllLimits } from '../ask/limits.ts';
import { connectionFailure, type TransportFailure, type Way } from './connection-failure.ts';
import { type IdleWatch, watchIdle } from './idle-watch.ts';
import { ResponseBody } from './response-body.ts';

/** The headers of an answer. */
export type HttpHeaders = Record<string, string | string[] | undefined>;

/** An outgoing HTTP request. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | undefined;
}

/** The head of an answer, with its body still to come. */
export interface HttpAnswer {
  status: number;
  headers: HttpHeaders;
  body: ResponseBody;
}

type ExchangeLimits = Pick<AllLimits, 'timeoutMs' | 'lifeMs'>;

/**
 * Sends one request and resolves with the head of its answer.
 *
 * Limits  `timeoutMs` without a byte, `lifeMs` in all, 64 KiB for the head (the dispatcher's)
 * Throws  TransportFailure before the head; PCRS_BROKEN_BODY from the body; the signal's reason from either
 */
export async function exchange(
  dispatcher: Dispatcher,
  way: Way,
  request: HttpRequest,
  limits: ExchangeLimits,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  // undici frees a connection one turn of the event loop after its answer has ended. Without this turn, the next
  // request would open a second connection.
  await setImmediate();
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const handler = new AnswerHandler(way, limits, signal, resolve, reject);
    dispatcher.dispatch(
      {
        origin: way.gateway,
        path: request.path,
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      handler,
    );
  });
}

/** undici's callbacks, turned into a promise for the head and a ResponseBody. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #way: Way;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #idle: IdleWatch;
  readonly #life: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #over = false;

  constructor(
    way: Way,
    { timeoutMs, lifeMs }: ExchangeLimits,
    signal: AbortSignal,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#way = way;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#idle = watchIdle(timeoutMs, () =>
      this.#stop({ kind: 'timeout', message: `no byte for ${seconds(timeoutMs)} s (--timeout)` }),
    );
    this.#life = setTimeout(
      () => this.#stop({ kind: 'timeout', message: `response not finished after ${duration(lifeMs)}` }),
      lifeMs,
    );
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('cancelled before it was sent'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: HttpHeaders): void {
    // 1xx come here too. They are neither an answer nor a sign of life, or a gateway could send them for ever.
    if (status < 200 || this.#over) return;
    this.#idle.touch();
    this.#body = new ResponseBody(
      {
        pause: () => controller.pause(),
        resume: () => controller.resume(),
        abort: (reason) => this.#cancel(reason),
      },
      (paused) => (paused ? this.#idle.pause() : this.#idle.resume()),
    );
    this.#resolve({ status, headers, body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#idle.touch();
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#settle();
    this.#body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#settle();
    this.#fail(connectionFailure(error, this.#way));
  }

  readonly #onAbort = () => {
    this.#settle();
    this.#reject(this.#signal.reason);
    this.#body?.fail(this.#signal.reason);
    this.#controller?.abort(new Error('interrupted'));
  };

  #stop(failure: TransportFailure): void {
    if (this.#over) return;
    this.#settle();
    this.#fail(failure);
    this.#controller?.abort(new Error(failure.message));
  }

  #cancel(reason: Error): void {
    this.#settle();
    this.#controller?.abort(reason);
  }

  #fail(failure: TransportFailure): void {
    this.#reject(failure);
    const bytes = this.#body?.bytes;
    this.#body?.fail(new BrokenBodyError(`the body broke off after ${bytes} bytes: ${failure.message}`));
  }

  #settle(): void {
    this.#over = true;
    this.#idle.stop();
    clearTimeout(this.#life);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

function duration(ms: number): string {
  return ms >= 3_600_000 ? `${Math.round(ms / 3_600_000)} h` : `${seconds(ms)} s`;
}

function seconds(ms: number): string {
  return String(Math.round(ms / 100) / 10);
}
