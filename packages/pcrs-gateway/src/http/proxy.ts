import type { Secrets } from '../account/secrets.ts';
import { usageError } from '../ask/gateway-error.ts';

/** The way to the gateway: a proxy, the hosts that need none, or neither. */
export interface Route {
  proxy: string | undefined;
  noProxy: string;
}

/**
 * The proxy for a gateway: --proxy, else HTTPS_PROXY in either case (for an https gateway); NO_PROXY in either case.
 *
 * Takes   proxy   the flag; empty means none, whatever the environment says
 * Throws  PCRS_USAGE for what is no http or https URL; never shows its user or password
 */
export function proxyRoute(
  gateway: string,
  proxy: string | undefined,
  env: Record<string, string | undefined>,
  secrets: Secrets,
): Route {
  const fromEnvironment = gateway.startsWith('https:')
    ? (env['https_proxy'] ?? env['HTTPS_PROXY'])
    : undefined;
  const text = (proxy ?? fromEnvironment ?? '').trim();
  const noProxy = env['no_proxy'] ?? env['NO_PROXY'] ?? '';
  if (text === '') return { proxy: undefined, noProxy };
  const name = proxy === undefined ? 'HTTPS_PROXY' : '--proxy';
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (!url?.hostname || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError(`${name} must be an http or https URL, such as http://proxy.example.com:3128`);
  }
  keepSecret(url, secrets);
  return { proxy: url.href, noProxy };
}

function keepSecret(url: URL, secrets: Secrets): void {
  if (url.password === '') return;
  const user = decoded(url.username);
  const password = decoded(url.password);
  secrets.add(password);
  secrets.add(url.password);
  secrets.add(Buffer.from(`${user}:${password}`).toString('base64'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usageError('the proxy URL holds a % that begins no escape; write it as %25');
  }
}
