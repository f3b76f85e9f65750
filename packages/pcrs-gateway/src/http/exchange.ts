import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { brokenBody } from '../ask/gateway-error.ts';
import { connectionFailure, type TransportFailure } from './connection-failure.ts';
import { type IdleWatch, watchIdle } from './idle-watch.ts';
import { ResponseBody } from './response-body.ts';

/** One HTTP request as it goes out. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | undefined;
}

/** The head of an answer, and its body still on the way. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: ResponseBody;
}

export interface ExchangeLimits {
  /** Without a byte. */
  timeoutMs: number;
  /** From the request to the last byte; 4 h unless a test says less. */
  lifeMs?: number | undefined;
  signal: AbortSignal;
}

const fourHoursMs = 4 * 60 * 60 * 1000;

/**
 * Sends one request and resolves with the head of its answer.
 *
 * Limits  `timeoutMs` without a byte, 4 h in all, head of an answer 64 KiB (the dispatcher's)
 * Throws  TransportFailure before the head; PCRS_BROKEN_BODY from the body; the signal's reason from either
 */
export async function exchange(
  dispatcher: Dispatcher,
  origin: string,
  request: HttpRequest,
  limits: ExchangeLimits,
): Promise<HttpAnswer> {
  // undici frees a connection one turn of the event loop after its answer has ended; without that turn, an answer and
  // the next question would need two connections.
  await setImmediate();
  limits.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const handler = new AnswerHandler(origin, limits, resolve, reject);
    dispatcher.dispatch(
      {
        origin,
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

/** What undici calls on the way; it turns into one promise for the head and one ResponseBody. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #origin: string;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #idle: IdleWatch;
  readonly #life: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #over = false;

  constructor(
    origin: string,
    limits: ExchangeLimits,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#origin = origin;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = limits.signal;
    const lifeMs = limits.lifeMs ?? fourHoursMs;
    this.#idle = watchIdle(limits.timeoutMs, () =>
      this.#stop({ kind: 'timeout', message: `no byte for ${seconds(limits.timeoutMs)} s (--timeout)` }),
    );
    this.#life = setTimeout(
      () => this.#stop({ kind: 'timeout', message: `no end after ${seconds(lifeMs)} s` }),
      lifeMs,
    );
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('given up before it was sent'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx come here too; they neither answer nor count as a sign of life, or a gateway could send them for ever.
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
    this.#fail(connectionFailure(error, this.#origin));
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
    this.#body?.fail(brokenBody(`the body broke off after ${this.#body.bytes} bytes: ${failure.message}`));
  }

  #settle(): void {
    this.#over = true;
    this.#idle.stop();
    clearTimeout(this.#life);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

function seconds(ms: number): string {
  return String(Math.round(ms / 100) / 10);
}
