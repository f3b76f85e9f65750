import type { Secrets } from 'pcrs-records/secrets';
import { usageError } from '../ask/gateway-error.ts';

/** The proxy to the gateway, or none. */
export interface Route {
  proxy: string | undefined;
  noProxy: string;
  /** Origin of the proxy: `--proxy`, `HTTPS_PROXY`. */
  name: string;
}

/**
 * The proxy for a gateway: --proxy, else HTTPS_PROXY in either case (for an https gateway); NO_PROXY in either case.
 *
 * Takes   proxy   the flag; empty for no proxy, whatever the environment says
 * Throws  PCRS_USAGE for anything but an http or https URL of a host; never shows its user or password
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
  const name = proxy === undefined ? 'HTTPS_PROXY' : '--proxy';
  if (text === '') return { proxy: undefined, noProxy, name };
  if (text.includes('\\'))
    throw usageError(`${name} must not hold a backslash; write a user DOMAIN\\name as DOMAIN%5Cname`);
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (!url?.hostname || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError(`${name} must be an http or https URL, such as http://proxy.example.com:3128`);
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search || url.hash) {
    throw usageError(
      `${name} must be a host and port without a path; in a user or password write / as %2F, ? as %3F, # as %23, @ as %40`,
    );
  }
  keepSecret(url, secrets);
  return { proxy: url.href, noProxy, name };
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
    throw usageError('the proxy URL has a % that is not part of an escape; write it as %25');
  }
}
