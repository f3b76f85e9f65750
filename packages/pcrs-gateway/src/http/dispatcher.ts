import { createRequire } from 'node:module';
import type { Agent, Dispatcher } from 'undici';
import type { Route } from './proxy.ts';

export interface DispatcherOptions {
  gateway: string;
  route: Route;
  caFile: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The most that the head of an answer may hold. */
const maxHeaderBytes = 64 * 1024;
const connectTimeoutMs = 30_000;

/**
 * The connections to one gateway, through a proxy or not, with TLS always verified.
 *
 * HTTP/1.1 only: it is what the gateway documents, and what a cut body looks like is known. undici's own timeouts are
 * off (see idle-watch.ts), all but the one for connecting.
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
 * undici's Agent without the rest of undici (fetch, caches, mocks), which takes 0.1 s of every tool's start to load.
 * Our undici is pinned to one version, so its inner path holds; a proxy needs methods that only the whole adds.
 */
function agentAlone(): typeof Agent {
  return createRequire(import.meta.url)('undici/lib/dispatcher/agent.js') as typeof Agent;
}
