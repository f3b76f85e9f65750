/** An answer: a small body at once, or one made while it is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer | Iterable<Buffer>;
  /** The body is a gzip file, whatever the headers say. */
  readonly gzip?: boolean;
  /** The connection ends after the headers. */
  readonly broken?: boolean;
}

/** A value as JSON. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return textAnswer(status, JSON.stringify(value), 'application/json', headers);
}

/** A text with a content type. */
export function textAnswer(
  status: number,
  text: string,
  type: string,
  headers: Record<string, string> = {},
): Answer {
  return { status, headers: { 'Content-Type': type, ...headers }, body: Buffer.from(text) };
}

/** The gateway's words for a refused token. */
export function unauthorized(message: 'JWT expired' | 'Not authenticated'): Answer {
  return json(401, { status: 401, error: 'Unauthorized', message });
}

/** The gateway's words for a wrong user or password. */
export function loginRefused(): Answer {
  const failure = '1 errors, 0 successes:authenticationFailure.InvalidCredentialsException';
  return json(401, { authentication_exceptions: [[`Authentication Failure: ${failure}`]] });
}

/** postureInfo's answer to an invalid flag: a 404, not a 400. */
export function invalidInput(): Answer {
  return json(404, { message: 'Invalid input Parameter.' });
}

/** The classic error with a code, in the array that hostids wraps around it. */
export function codedError(
  status: number,
  code: number,
  text: string,
  headers: Record<string, string> = {},
): Answer {
  const datetime = `${new Date().toISOString().slice(0, 19)}Z`;
  return json(status, [{ response: { datetime, code, text } }], headers);
}

/** A missing permission. PCRS's wording is unknown; this is another API's of the same gateway. */
export function forbidden(user: string): Answer {
  const message = `The ${user} user does not have the required permission to access this resource.`;
  return json(403, { errorCode: '403 FORBIDDEN', message, timestamp: Date.now() });
}

/** The error page of a web server in front of the gateway. */
export function htmlPage(status: number, title: string, filler = ''): Answer {
  const page = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx</center>\r\n${filler}</body>\r\n</html>\r\n`;
  return textAnswer(status, page, 'text/html');
}
