import type { Dispatcher } from 'undici';
import type { Route } from './proxy.ts';
import { trust } from './tls.ts';

export interface DispatcherOptions {
  gateway: string;
  route: Route;
  caFile: string | undefined;
  timeoutMs: number;
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
  const verified = tls ? { secureContext: trust(options.caFile), rejectUnauthorized: true } : {};
  const connectTimeout = Math.min(connectTimeoutMs, options.timeoutMs);
  const shared = {
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    connectTimeout,
    connect: { ...verified, timeout: connectTimeout },
  };
  // A third of undici's start-up is spent on what is not used here, so only the classes in use are loaded.
  if (options.route.proxy === undefined) {
    const { Agent } = await import('undici');
    return new Agent(shared);
  }
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
