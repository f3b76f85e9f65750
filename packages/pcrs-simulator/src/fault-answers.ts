import { gzipSync } from 'node:zlib';
import { type Answer, htmlPage, json, textAnswer, unauthorized } from './answers.ts';
import { type Fault, numberOf } from './faults.ts';

const titles: Record<number, string> = {
  202: 'Accepted',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  520: 'Web Server Returned an Unknown Error',
};

/** The answer of a fault in place of the gateway's own; undefined if none gives one. */
export function faultAnswer(faults: readonly Fault[], revoke: () => void): Answer | undefined {
  for (const fault of faults) {
    if (fault.kind === 'revoke') revoke();
    if (fault.kind === 'expired' || fault.kind === 'revoke') return unauthorized('JWT expired');
    if (fault.kind === 'unauthenticated') return unauthorized('Not authenticated');
    if (fault.kind === 'html') return htmlPage(200, 'Scheduled maintenance', filler(40));
    if (fault.kind === 'redirect') return redirect(fault);
    if (fault.kind === 'status') return statusAnswer(fault);
  }
  return undefined;
}

function redirect({ value, options }: Fault): Answer {
  const location = value ?? 'https://gateway.elsewhere.example/login';
  return htmlWith(numberOf(options['status'], 302), 'Found', { Location: location });
}

function statusAnswer({ value, options }: Fault): Answer {
  const status = Number(value);
  const headers: Record<string, string> = {};
  if (options['to-wait'] !== undefined) headers['X-RateLimit-ToWait-Sec'] = options['to-wait'];
  if (options['retry-after'] !== undefined) headers['Retry-After'] = options['retry-after'];
  const title = titles[status] ?? 'Error';
  const error = errorBody(status, title, options['code']);
  switch (options['body'] ?? 'json') {
    case 'html':
      return htmlWith(status, title, headers);
    case 'long':
      return htmlWith(status, title, headers, filler(20_000));
    case 'xml':
      return textAnswer(status, xmlBody(title, options['code']), 'text/xml', headers);
    case 'gzip':
      return { ...json(status, error, headers), body: gzipSync(JSON.stringify(error)) };
    case 'empty':
      return textAnswer(status, '', 'text/plain', headers);
    default:
      return json(status, error, headers);
  }
}

function errorBody(status: number, title: string, code: string | undefined): unknown {
  if (code === undefined) return { status, error: title, message: `${title} (simulated)` };
  return [
    { response: { datetime: '2026-11-22T06:00:00Z', code: Number(code), text: `${title} (simulated)` } },
  ];
}

function xmlBody(title: string, code: string | undefined): string {
  return `<?xml version="1.0" encoding="UTF-8" ?>\n<SIMPLE_RETURN><RESPONSE><DATETIME>2026-11-22T06:00:00Z</DATETIME><CODE>${code ?? 999}</CODE><TEXT>${title} (simulated)</TEXT></RESPONSE></SIMPLE_RETURN>\n`;
}

function htmlWith(status: number, title: string, headers: Record<string, string>, more = ''): Answer {
  const page = htmlPage(status, title, more);
  return { ...page, headers: { ...page.headers, ...headers } };
}

function filler(lines: number): string {
  return '<p>The service you asked for is not available; the request id is 00000000-0000-4000-8000-000000000000.</p>\r\n'.repeat(
    lines,
  );
}
