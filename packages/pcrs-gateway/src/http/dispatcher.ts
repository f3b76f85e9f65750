import { createRequire } from 'node:module';
import type { Agent, Dispatcher } from 'undici';
import type { Route } from './proxy.ts';

interface DispatcherOptions {
  gateway: string;
  route: Route;
  caFile: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Limit of an answer's head. */
const maxHeaderBytes = 64 * 1024;
const connectTimeoutMs = 30_000;

/**
 * Connections to one gateway, through a proxy or not, TLS always verified.
 *
 * HTTP/1.1 only: it is what the gateway documents, and we know what a cut body looks like. undici's own timeouts are
 * off (see idle-watch.ts), except the one for connecting.
 */
export async function openDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const tls = options.gateway.startsWith('https:') || options.route.proxy?.startsWith('https:');
  const verified = tls ? await verifying(options) : {};
  const connectTimeout = Math.min(connectTimeoutMs, options.timeoutMs);
  const shared = {
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    connectTimeout,
    connect: { ...verified, timeout: connectTimeout },
  };
  if (options.route.proxy === undefined) return new (agentAlone())(shared);
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({
    ...shared,
    httpProxy: options.route.proxy,
    httpsProxy: options.route.proxy,
    noProxy: options.route.noProxy,
    requestTls: verified,
    proxyTls: verified,
  });
}

async function verifying({ caFile, signal }: DispatcherOptions) {
  const { trust } = await import('./tls.ts');
  return { secureContext: await trust(caFile, signal), rejectUnauthorized: true };
}

/**
 * undici's Agent alone: the rest (fetch, caches, mocks) adds 0.1 s to every tool's start. undici is pinned to one
 * version, so its inner path holds; a proxy needs methods that only all of undici provides.
 */
function agentAlone(): typeof Agent {
  return createRequire(import.meta.url)('undici/lib/dispatcher/agent.js') as typeof Agent;
}
