import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, codedError, htmlPage, loginRefused, unauthorized } from './answers.ts';
import { Tokens } from './auth.ts';
import { hostids, knownParameters, policyList, type Question } from './endpoints.ts';
import { faultAnswer } from './fault-answers.ts';
import { type Endpoint, type Fault, Faults, numberOf } from './faults.ts';
import type { Form } from './form-names.ts';
import type { SimulatorOptions } from './options.ts';
import { parseAsked, postureInfo, unsupportedMediaType } from './posture-info.ts';
import { RateWindow, rateHeaders } from './rate-window.ts';
import { type RequestEntry, RequestLog } from './request-log.ts';
import { closed, send, type Wire } from './wire.ts';
import type { World } from './world.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const newest = { list: 2, hostids: 5, posture: 5 } as const;

/** Where a request was sent, as far as the gateway has it. */
interface Route {
  readonly endpoint: Endpoint;
  readonly version: number;
}

/** A gateway that listens; see `startSimulator`. */
export class Gateway {
  readonly server: Server;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly tokens: Tokens;
  readonly #world: World;
  readonly #options: SimulatorOptions;
  readonly #window: RateWindow | undefined;
  readonly #running = new Map<string, number>();

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
    this.server.keepAliveTimeout = 65_000;
    this.server.requestTimeout = 0;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://gateway');
    const route = routeOf(url.pathname);
    const started = performance.now();
    const entry = this.log.add(entryOf(request, url, route));
    response.on('error', () => {});
    try {
      await this.#answer(request, response, url, route, entry);
      entry.outcome = response.writableFinished ? 'sent' : 'closed';
    } catch {
      entry.outcome = 'closed';
      response.destroy();
    }
    entry.ms = Math.round(performance.now() - started);
    this.#options.onRequest?.(entry);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    route: Route | undefined,
    entry: RequestEntry,
  ): Promise<void> {
    const body = await readBody(request);
    const reply = (answer: Answer, faults: readonly Fault[] = [], headers: Record<string, string> = {}) => {
      entry.status = answer.status;
      const whole = { ...answer, headers: { ...headers, ...answer.headers } };
      return send(response, whole, this.#wire(route, faults), (bytes) => {
        entry.bytes += bytes;
      });
    };
    if (route === undefined) return reply(htmlPage(404, 'Not Found'));
    if (request.method !== (route.endpoint === 'auth' || route.endpoint === 'posture' ? 'POST' : 'GET')) {
      return reply(htmlPage(405, 'Not Allowed'));
    }
    if (route.endpoint === 'auth') {
      const faults = this.#strike(route, [], entry);
      if (await this.#disturbed(response, faults)) return;
      return reply(
        faultAnswer(faults, () => this.tokens.revoke(Date.now())) ?? this.#login(request, body, entry),
        faults,
      );
    }
    const verdict = this.tokens.check(request.headers.authorization, Date.now());
    if (verdict.state !== 'good')
      return reply(unauthorized(verdict.state === 'expired' ? 'JWT expired' : 'Not authenticated'));
    entry.user = verdict.user;
    const running = this.#running.get(verdict.user) ?? 0;
    if (running >= (this.#options.concurrencyLimit ?? Infinity)) {
      return reply(codedError(409, 1960, 'This API cannot be run: too many calls of this user are running.'));
    }
    this.#running.set(verdict.user, running + 1);
    try {
      await this.#answerUser(
        request,
        response,
        url,
        { ...route, endpoint: route.endpoint },
        entry,
        body,
        reply,
      );
    } finally {
      this.#running.set(verdict.user, (this.#running.get(verdict.user) ?? 1) - 1);
    }
  }

  async #answerUser(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    route: Route & { endpoint: Question['endpoint'] },
    entry: RequestEntry,
    body: Buffer,
    reply: (answer: Answer, faults?: readonly Fault[], headers?: Record<string, string>) => Promise<void>,
  ): Promise<void> {
    const { endpoint, version } = route;
    const user = entry.user as string;
    const asked = endpoint === 'posture' ? (parseAsked(body) ?? []) : [];
    entry.policies = this.log.asked(asked);
    const { query, ignored } = knownParameters(endpoint, version, url.searchParams);
    entry.ignored = ignored;
    const rate = this.#window?.take(`${user} ${endpoint}`, Date.now());
    const headers =
      rate === undefined || this.#window === undefined || this.#options.rateHeaders === false
        ? {}
        : rateHeaders(this.#window.limit, rate);
    if (rate?.allowed === false) return reply(this.#overLimit(rate.waitSeconds), [], headers);
    const policies =
      endpoint === 'posture'
        ? asked.map(({ policyId }) => policyId)
        : (query.get('policyId') ?? '').split(',');
    const hosts = new Set(asked.flatMap(({ hostIds }) => hostIds));
    const faults = this.#strike(route, policies, entry, hosts);
    if (await this.#disturbed(response, faults)) return;
    const instead = faultAnswer(faults, () => this.tokens.revoke(Date.now()));
    if (instead !== undefined) return reply(instead, faults, headers);
    if (endpoint === 'posture' && !/\bjson\b/i.test(request.headers['content-type'] ?? '')) {
      return reply(unsupportedMediaType(), faults, headers);
    }
    const forms = this.#forms(faults);
    const question = {
      world: this.#world,
      options: this.#options,
      endpoint,
      version,
      query,
      body,
      user,
      forms,
      faults,
    };
    const answers = { list: policyList, hostids, posture: postureInfo };
    return reply(answers[endpoint](question), faults, headers);
  }

  #login(request: IncomingMessage, body: Buffer, entry: RequestEntry): Answer {
    const form = new URLSearchParams(body.toString());
    const username = form.get('username');
    entry.user = username ?? undefined;
    void request;
    const token = this.tokens.login(username, form.get('password'), Date.now());
    if (token === undefined) return loginRefused();
    return { status: 201, headers: { 'Content-Type': 'text/plain;charset=UTF-8' }, body: Buffer.from(token) };
  }

  #overLimit(waitSeconds: number): Answer {
    if (this.#options.rateLimitStatus === 409) {
      return codedError(409, 1965, `This API cannot be run again for another ${waitSeconds} seconds.`);
    }
    return codedError(429, 1965, `Too many requests; run again in ${waitSeconds} seconds.`);
  }

  #strike(
    route: Route,
    policies: readonly string[],
    entry: RequestEntry,
    hosts?: ReadonlySet<string>,
  ): Fault[] {
    const hasHost = (id: string) => hosts?.has(id) ?? false;
    const struck = this.faults.strike({ endpoint: route.endpoint, policies, hasHost });
    entry.faults = struck.map(({ text }) => text);
    return struck;
  }

  /** Whether a fault took the connection, so that there is nothing left to answer. */
  async #disturbed(response: ServerResponse, faults: readonly Fault[]): Promise<boolean> {
    for (const { kind, value } of faults) {
      if (kind === 'delay') await sleep(Number(value));
      if (kind === 'hang' && value !== 'body') await closed(response);
      else if (kind === 'refuse') response.socket?.destroy();
      else if (kind === 'down') this.#stopListening(value);
      else if (kind === 'endless-header') await endlessHeader(response);
      else continue;
      return true;
    }
    return false;
  }

  #stopListening(seconds: string | undefined): void {
    const address = this.server.address();
    this.server.close();
    this.server.closeAllConnections();
    if (seconds === undefined || address === null || typeof address === 'string') return;
    setTimeout(() => this.server.listen(address.port, address.address), numberOf(seconds, 0) * 1000);
  }

  #forms(faults: readonly Fault[]): Set<Form> {
    const more = faults
      .filter(({ kind }) => kind === 'form')
      .flatMap(({ value }) => (value ?? '').split('+'));
    return new Set([...(this.#options.forms ?? []), ...(more as Form[])]);
  }

  #wire(route: Route | undefined, faults: readonly Fault[]): Wire {
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

function routeOf(path: string): Route | undefined {
  if (path === '/auth') return { endpoint: 'auth', version: 0 };
  const match = /^\/pcrs\/(\d)\.0\/posture\/(policy\/list|hostids|postureInfo\/?)$/.exec(path);
  if (match === null) return undefined;
  const name = match[2] as string;
  const endpoint = name === 'policy/list' ? 'list' : name === 'hostids' ? 'hostids' : 'posture';
  const version = Number(match[1]);
  return version >= 1 && version <= newest[endpoint] ? { endpoint, version } : undefined;
}

function entryOf(request: IncomingMessage, url: URL, route: Route | undefined): Omit<RequestEntry, 'number'> {
  return {
    time: new Date().toISOString(),
    method: request.method ?? '',
    path: url.pathname,
    endpoint: route?.endpoint,
    version: route === undefined || route.version === 0 ? undefined : `${route.version}.0`,
    query: Object.fromEntries(url.searchParams),
    ignored: [],
    headers: request.headers,
    user: undefined,
    policies: [],
    status: 0,
    faults: [],
    bytes: 0,
    ms: 0,
    outcome: 'open',
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += (piece as Buffer).length;
    if (bytes > MAX_BODY_BYTES) throw new Error('request body too large');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

async function endlessHeader(response: ServerResponse): Promise<void> {
  const { socket } = response;
  socket?.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n');
  const line = `X-Padding: ${'0'.repeat(1000)}\r\n`;
  while (socket !== null && !socket.destroyed) {
    if (!socket.write(line))
      await new Promise<void>((resolve) => socket.once('drain', resolve).once('close', () => resolve()));
    else await sleep(1);
  }
}
