import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Secrets } from 'pcrs-records/secrets';
import type { GatewayOptions } from '../ask/gateway.ts';
import { localCertificate, localKey } from './certificates.test.ts';

/** A received request, with its body. */
export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A test's answer; `count` is 1 for the first request that is not a login. */
export type Answer = (response: ServerResponse, seen: Seen, count: number) => void;

/** A local server that accepts every login and answers as a test says. */
export interface LocalGateway {
  url: string;
  /** All requests but logins. */
  asked: Seen[];
  logins: Seen[];
  /** Tokens given out, in order. */
  tokens: string[];
  /** Connections open now. */
  connections(): number;
}

export interface LocalGatewayOptions {
  tls?: boolean;
  /** Life of tokens in seconds; default 4 h. */
  lifeSeconds?: number;
  /** Answers logins instead of the default. */
  auth?: Answer;
}

let made = 0;

/** A JWT with these claims and an invalid signature. */
export function jwt(claims: Record<string, unknown>): string {
  made += 1;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS512' })}.${part({ sub: 'alice', jti: made, ...claims })}.c2lnbmF0dXJl`;
}

/** Starts a gateway that stops with the test. */
export async function localGateway(
  t: TestContext,
  answer: Answer,
  options: LocalGatewayOptions = {},
): Promise<LocalGateway> {
  const local: LocalGateway = { url: '', asked: [], logins: [], tokens: [], connections: () => sockets.size };
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const seen: Seen = { method, url, headers, body: Buffer.concat(chunks).toString() };
    if (url !== '/auth') {
      local.asked.push(seen);
      return answer(response, seen, local.asked.length);
    }
    local.logins.push(seen);
    if (options.auth) return options.auth(response, seen, local.logins.length);
    const now = Math.floor(Date.now() / 1000);
    const token = jwt({ iat: now, exp: now + (options.lifeSeconds ?? 14_400) });
    local.tokens.push(token);
    response.writeHead(201).end(token);
  };
  const server = options.tls
    ? createTlsServer({ cert: localCertificate, key: localKey }, onRequest)
    : createServer(onRequest);
  const sockets = new Set<unknown>();
  server.on(options.tls ? 'secureConnection' : 'connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  local.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return local;
}

/** A directory removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'pcrs-gateway-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits for a condition; fails instead of hanging if it never comes true. */
export async function eventually(isTrue: () => boolean): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > untilMs) throw new Error(`never came true: ${isTrue}`);
    await delay(5);
  }
}

/** Logged messages, by level. */
export interface Told {
  warn: string[];
  info: string[];
  verbose: string[];
}

/** Options of a user alice with the test's own state directory, and the log they fill. */
export function optionsFor(
  t: TestContext,
  url: string | undefined,
  changes: Partial<GatewayOptions> = {},
): { options: GatewayOptions; told: Told; stop: AbortController; state: string } {
  const told: Told = { warn: [], info: [], verbose: [] };
  const stop = new AbortController();
  const state = temporaryDirectory(t);
  const log = (level: keyof Told) => (message: string) => void told[level].push(message);
  const { env, ...others } = changes;
  const options: GatewayOptions = {
    ...(url === undefined ? {} : { gateway: url }),
    ...{ username: 'alice', timeoutMs: 5000, retries: 3, maxWaitMs: 60_000, backoffBaseMs: 10 },
    ...{ rate: { requests: 1000, seconds: 1 }, concurrency: 10, uid: process.getuid?.() },
    ...{ userAgent: 'pcrs-test/1', signal: stop.signal, secrets: new Secrets() },
    log: { warn: log('warn'), info: log('info'), verbose: log('verbose') },
    ...others,
    env: { PCRS_STATE_DIR: state, PCRS_PASSWORD: 'open sesame', ...env },
  };
  return { options, told, stop, state };
}
