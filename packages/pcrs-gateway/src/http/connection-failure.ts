/**
 * Reason for a missing answer.
 *
 * `connection` and `timeout` may pass; `fatal` would fail on every try. The message is ours: an HTTP library's errors
 * may carry headers, and headers carry the token.
 */
export interface TransportFailure {
  kind: 'connection' | 'timeout' | 'fatal';
  message: string;
}

const certificateCodes = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const wantsProxy = 'does this network need a proxy (HTTPS_PROXY or --proxy)?';

/** The gateway of a request, and the proxy to it. */
export interface Way {
  gateway: string;
  /** The proxy's URL and its origin; undefined without a proxy. */
  proxy?: { url: string; name: string } | undefined;
}

/** The failure to report for an error of undici, Node's net or tls, and whether retrying makes sense. */
export function connectionFailure(error: Error, way: Way): TransportFailure {
  const { code, text } = essence(error);
  const host = new URL(way.gateway).host;
  const proxy = brokenProxy(error, way);
  if (proxy !== undefined && !certificateCodes.has(code)) {
    const kind = code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT' ? 'timeout' : 'connection';
    const what = code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'is not found' : 'cannot be reached';
    const reason = plainReason(code, text);
    return { kind, message: `the proxy ${proxy} ${what} (${reason}); is ${way.proxy!.name} right?` };
  }
  if (certificateCodes.has(code)) {
    const hint = 'name the CA of your network with --ca-file or NODE_EXTRA_CA_CERTS';
    return { kind: 'fatal', message: `the certificate of ${host} is not trusted (${code}); ${hint}` };
  }
  if (code.startsWith('ERR_TLS_CERT') || code.startsWith('CERT_') || code === 'HOSTNAME_MISMATCH') {
    return { kind: 'fatal', message: `the certificate of ${host} is refused (${code})` };
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    const message = `${host} does not speak TLS (${code}): the port is one for http, or something on the way answers; see --gateway and --proxy`;
    return { kind: 'fatal', message };
  }
  const tunnel = /Proxy response \((\d+)\)/.exec(text)?.[1];
  if (tunnel) {
    const kind = tunnel === '407' || tunnel === '403' ? 'fatal' : 'connection';
    return {
      kind,
      message: `the proxy answered ${tunnel} to CONNECT ${host}; see --proxy, HTTPS_PROXY, NO_PROXY`,
    };
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return { kind: 'fatal', message: 'the headers of the answer are too long' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      kind: 'connection',
      message: `${host} was not found (${code}); is --gateway right, or ${wantsProxy}`,
    };
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return { kind: 'timeout', message: `no connection to ${host} (${code}); ${wantsProxy}` };
  }
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return {
      kind: 'connection',
      message: `no connection to ${host} (${code}); is --gateway right, or ${wantsProxy}`,
    };
  }
  return { kind: 'connection', message: `the connection broke (${plainReason(code, text)})` };
}

/** The proxy's host, if the proxy is what could not be reached: errors name an address, a port or a host. */
function brokenProxy(error: Error, { gateway, proxy }: Way): string | undefined {
  if (proxy === undefined) return undefined;
  const [ofProxy, ofGateway] = [new URL(proxy.url), new URL(gateway)];
  const facts = [error, error.cause, ...((error as Partial<AggregateError>).errors ?? [])].filter(
    (one): one is Error & { hostname?: string; port?: number; syscall?: string } => one instanceof Error,
  );
  const named = facts.some(
    ({ name, hostname, port, message }) =>
      /ProxyConnectionError$/.test(name) ||
      hostname === ofProxy.hostname ||
      (port !== undefined && port === portOf(ofProxy) && port !== portOf(ofGateway)) ||
      (/Connect Timeout/.test(message) && message.includes(ofProxy.hostname)),
  );
  return named ? ofProxy.host : undefined;
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

function essence(error: Error): { code: string; text: string } {
  const first = (error as Partial<AggregateError>).errors?.[0] as Error | undefined;
  const code = (error as { code?: unknown }).code ?? (first as { code?: unknown } | undefined)?.code;
  const inner = (error as { cause?: unknown }).cause;
  if (code === undefined && inner instanceof Error) return essence(inner);
  const isProxy = error.name === 'ProxyConnectionError' || error.name === 'SecureProxyConnectionError';
  if (isProxy && inner instanceof Error) return essence(inner);
  return { code: typeof code === 'string' ? code : '', text: error.message };
}

function plainReason(code: string, text: string): string {
  if (code === 'UND_ERR_SOCKET')
    return /other side closed/.test(text) ? 'closed by the other side' : 'socket error';
  if (code.startsWith('HPE_')) return `not HTTP: ${code}`;
  return code || 'no reason given';
}
