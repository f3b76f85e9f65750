import { platforms } from 'pcrs-records/platforms';
import { usageError } from '../ask/gateway-error.ts';

/**
 * The base URL of a gateway as written by a user, without a slash at the end.
 *
 * Takes   name   its name in messages
 *         text   a bare host or a URL; a bare host is https; http must be written and is for this machine only
 * Throws  PCRS_USAGE for http elsewhere, user:password@, a path, a query, and a qualysapi host (with the gateway to
 *         use)
 */
export function gatewayUrl(text: string, name = '--gateway'): string {
  const url = parsed(text, name);
  const shown = url.host;
  if (url.username || url.password) {
    throw usageError(
      `${name} must not hold a user or password (…@${shown}); use --username and --password-file`,
    );
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw usageError(`${name} must be an https URL or a host name, got ${JSON.stringify(withoutUser(text))}`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw usageError(
      `${name} must be https except on this machine, got http://${shown}; use https://${shown}`,
    );
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search || url.hash) {
    throw usageError(
      `${name} must be a host without a path, got ${JSON.stringify(withoutUser(text))}; use ${url.origin}`,
    );
  }
  const gateway = gatewayInstead(url.hostname);
  if (gateway)
    throw usageError(`${name}: ${url.hostname} is an API server and does not serve PCRS; use ${gateway}`);
  return url.origin;
}

/**
 * Gateway URL of a platform: `US2` → `https://gateway.qg2.apps.qualys.com`.
 *
 * Takes   any case
 * Throws  PCRS_USAGE for an unknown platform
 */
export function platformUrl(name: string): string {
  const platform = platforms.find((one) => one.name === name.trim().toUpperCase());
  if (platform) return `https://${platform.gateway}`;
  const names = platforms.map((one) => one.name).join(', ');
  throw usageError(`--platform must be one of ${names}, got ${JSON.stringify(name)}`);
}

/** Whether a URL's host is this machine. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}

function parsed(text: string, name: string): URL {
  const trimmed = text.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
  if (url?.hostname) return url;
  throw usageError(`${name} must be a host name or URL, got ${JSON.stringify(withoutUser(text))}`);
}

function gatewayInstead(hostname: string): string | undefined {
  if (!/^qualys(api|guard)\./.test(hostname)) return undefined;
  const apiServer = hostname.replace(/^qualysguard\./, 'qualysapi.');
  return (
    platforms.find((one) => one.apiServer === apiServer)?.gateway ??
    apiServer.replace(/^qualysapi\./, 'gateway.')
  );
}

function withoutUser(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
}
