import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type Answer, codedError, htmlPage, loginRefused, unauthorized } from './answers.ts';
import { Tokens } from './auth.ts';
import { Disturbances } from './disturbances.ts';
import { badBody, hostids, policyList, type Question } from './endpoints.ts';
import { faultAnswer } from './fault-answers.ts';
import { type Fault, Faults } from './faults.ts';
import type { Form } from './form-names.ts';
import type { SimulatorOptions } from './options.ts';
import { type Asked, parseAsked, postureInfo, unsupportedMediaType } from './posture-info.ts';
import { RateWindow, rateHeaders } from './rate-window.ts';
import { emptyEntry, type RequestEntry, RequestLog } from './request-log.ts';
import { knownParameters, type Route, routeOf } from './routes.ts';
import { send, type Wire } from './wire.ts';
import type { World } from './world.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const KEEP_ALIVE_MS = 65_000;

/** A request on its way through the gateway. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly search: URLSearchParams;
  readonly route: Route | undefined;
  readonly entry: RequestEntry;
  readonly body: Buffer;
  /** Headers of every answer to it. */
  headers: Record<string, string>;
  faults: readonly Fault[];
}

type Routed = Exchange & { readonly route: Route };

/**
 * A listening gateway. It checks a request in this order: path and method, token, concurrency, rate, faults, and then
 * its content; so a fault counts only requests that a gateway would have worked on.
 */
export class Gateway {
  readonly server: Server;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly tokens: Tokens;
  readonly #world: World;
  readonly #options: SimulatorOptions;
  readonly #window: RateWindow | undefined;
  readonly #running = new Map<string, number>();
  readonly #disturbances: Disturbances;
  /** The policies requested when a `cached` fault first struck. */
  readonly #cached = new WeakMap<Fault, readonly Asked[]>();

  constructor(world: World, options: SimulatorOptions) {
    this.#world = world;
    this.#options = options;
    this.log = new RequestLog(options.requestsKept ?? 10_000);
    this.faults = new Faults(options.faults);
    if (options.truncateAfterBytes !== undefined)
      this.faults.add(`posture:*:cut=${options.truncateAfterBytes}`);
    this.tokens = new Tokens(world.size.seed, options);
    const limit = options.rateLimit ?? { requests: 25, seconds: 60 };
    this.#window = limit === 'off' ? undefined : new RateWindow(limit);
    const handle = (request: IncomingMessage, response: ServerResponse) =>
      void this.#handle(request, response);
    this.server = options.tls === undefined ? createHttp(handle) : createHttps(options.tls, handle);
    this.server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.server.requestTimeout = 0;
    this.#disturbances = new Disturbances(this.server);
  }

  /** Ends the server with every connection. */
  async close(): Promise<void> {
    this.#disturbances.stop();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(`http://gateway${request.url}`) ?? new URL('http://gateway/not-a-path');
    const route = routeOf(url.pathname);
    const started = performance.now();
    const entry = this.log.add(emptyEntry(request, url, route));
    response.on('error', () => {});
    try {
      const body = await readBody(request);
      const search = url.searchParams;
      await this.#answer({ request, response, search, route, entry, body, headers: {}, faults: [] });
      entry.outcome = response.writableFinished ? 'sent' : 'closed';
    } catch {
      entry.outcome = 'closed';
      response.destroy();
    }
    entry.ms = Math.round(performance.now() - started);
    this.#options.onRequest?.(entry);
  }

  #answer(exchange: Exchange): Promise<void> {
    const { route, request } = exchange;
    if (route === undefined) return this.#reply(exchange, htmlPage(404, 'Not Found'));
    const routed = { ...exchange, route };
    if (request.method !== route.method) return this.#reply(exchange, htmlPage(405, 'Not Allowed'));
    if (route.endpoint === 'auth') return this.#workOn(routed, [], () => this.#login(routed));
    return this.#answerUser(routed);
  }

  async #answerUser(exchange: Routed): Promise<void> {
    const { entry, request, route } = exchange;
    const verdict = this.tokens.check(request.headers.authorization, Date.now());
    if (verdict.state === 'expired') return this.#reply(exchange, unauthorized('JWT expired'));
    if (verdict.state === 'unknown') return this.#reply(exchange, unauthorized('Not authenticated'));
    const { user } = verdict;
    entry.user = user;
    const running = this.#running.get(user) ?? 0;
    if (running >= (this.#options.concurrencyLimit ?? Infinity))
      return this.#reply(exchange, tooManyAtOnce());
    this.#running.set(user, running + 1);
    try {
      const tooMany = this.#overRate(exchange, `${user} ${route.endpoint}`);
      await (tooMany === undefined ? this.#answerQuestion(exchange, user) : this.#reply(exchange, tooMany));
    } finally {
      this.#running.set(user, (this.#running.get(user) ?? 1) - 1);
    }
  }

  async #answerQuestion(exchange: Routed, user: string): Promise<void> {
    const { route, entry, search, body, request } = exchange;
    const { query, ignored } = knownParameters(route, search);
    entry.ignored = ignored;
    const asked = route.endpoint === 'posture' ? parseAsked(body) : [];
    this.log.remember(entry, asked ?? []);
    const inBody = (asked ?? []).map(({ policyId }) => policyId);
    const named = query.get('policyId')?.split(',') ?? this.#world.policyIds();
    await this.#workOn(exchange, route.endpoint === 'hostids' ? named : inBody, (faults) => {
      if (route.endpoint === 'posture' && !/\bjson\b/i.test(request.headers['content-type'] ?? '')) {
        return unsupportedMediaType();
      }
      if (asked === undefined) return badBody();
      const { version } = route;
      const forms = this.#forms(faults);
      const question: Question = {
        world: this.#world,
        options: this.#options,
        version,
        query,
        body,
        user,
        forms,
        faults,
      };
      if (route.endpoint === 'list') return policyList(question);
      if (route.endpoint === 'hostids') return hostids(question);
      return postureInfo(question, this.#answered(asked, faults));
    });
  }

  /** What to answer: the requested policies, or those that a cache saw first. */
  #answered(asked: readonly Asked[], faults: readonly Fault[]): readonly Asked[] {
    const cache = faults.find(({ kind }) => kind === 'cached');
    if (cache === undefined) return asked;
    const first = this.#cached.get(cache) ?? asked;
    this.#cached.set(cache, first);
    return first;
  }

  /** Applies the faults, and sends the gateway's own answer if none of them answers. */
  async #workOn(
    exchange: Routed,
    policies: readonly string[],
    answer: (faults: readonly Fault[]) => Answer,
  ): Promise<void> {
    const { route, entry } = exchange;
    const hasHost = (id: string) => entry.policies.some(({ hostIds }) => hostIds.includes(id));
    const faults = this.faults.strike({ endpoint: route.endpoint, policies, hasHost });
    entry.faults = faults.map(({ text }) => text);
    exchange.faults = faults;
    if (await this.#disturbances.take(exchange.response, faults)) return;
    const instead = faultAnswer(faults, () => this.tokens.revoke(Date.now()));
    await this.#reply(exchange, instead ?? answer(faults));
  }

  #login({ body, entry }: Exchange): Answer {
    const form = new URLSearchParams(body.toString());
    const username = form.get('username');
    entry.user = username ?? undefined;
    const token = this.tokens.login(username, form.get('password'), Date.now());
    if (token === undefined) return loginRefused();
    return { status: 201, headers: { 'Content-Type': 'text/plain;charset=UTF-8' }, body: Buffer.from(token) };
  }

  /** The answer to a request over the rate; undefined for one within it, which is counted. */
  #overRate(exchange: Exchange, key: string): Answer | undefined {
    if (this.#window === undefined) return undefined;
    const verdict = this.#window.take(key, Date.now());
    if (this.#options.rateHeaders !== false) exchange.headers = rateHeaders(this.#window.limit, verdict);
    if (verdict.allowed) return undefined;
    const status = this.#options.rateLimitStatus ?? 429;
    return codedError(
      status,
      1965,
      `This API cannot be run again for another ${verdict.waitSeconds} seconds.`,
    );
  }

  #reply(exchange: Exchange, answer: Answer): Promise<void> {
    const { entry, response } = exchange;
    entry.status = answer.status;
    const whole = { ...answer, headers: { ...exchange.headers, ...answer.headers } };
    return send(response, whole, this.#wire(exchange), (bytes) => {
      entry.bytes += bytes;
    });
  }

  #forms(faults: readonly Fault[]): Set<Form> {
    const more = faults
      .filter(({ kind }) => kind === 'form')
      .flatMap(({ value }) => (value ?? '').split('+'));
    return new Set([...(this.#options.forms ?? []), ...(more as Form[])]);
  }

  #wire({ route, faults }: Exchange): Wire {
    const { gzipLevel = 1, contentEncoding = 'none', chunkBytes } = this.#options;
    const encoding = faults.find(({ kind }) => kind === 'encoding')?.value as Wire['encoding'] | undefined;
    const posture = route?.endpoint === 'posture';
    return {
      gzipLevel,
      gzipMembers: posture && this.#forms(faults).has('gzip-members'),
      encoding: posture ? (encoding ?? contentEncoding) : 'none',
      chunkBytes: route?.endpoint === 'auth' ? undefined : chunkBytes,
      faults,
    };
  }
}

function tooManyAtOnce(): Answer {
  return codedError(409, 1960, 'This API cannot be run: too many calls of this user are running.');
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += (piece as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the body of the request is too large');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}
