import { codedError } from 'pcrs-records/errors';

/** Credentials for `--credentials -`. */
export interface Credentials {
  username?: string;
  password?: string;
  gateway?: string;
}

const maxBytes = 64 * 1024;

/**
 * One JSON object of credentials from stdin.
 *
 * Takes   place   the flag's value; must be `-`
 * Limits  64 KiB
 * Throws  PCRS_USAGE, never quoting the input
 */
export async function readCredentials(
  place: string,
  context: {
    stdin: AsyncIterable<Uint8Array>;
    stdinIs: string;
    log: { secrets: { add(value: string): void } };
  },
): Promise<Credentials> {
  if (place !== '-') throw usage('must be - (stdin); to read a file, add < FILE');
  if (context.stdinIs === 'terminal') throw usage('reads stdin, which is a terminal; pipe the object in');
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of context.stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw usage('stdin holds more than 64 KiB');
  }
  const credentials = parsed(
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/^\ufeff/, ''),
  );
  if (credentials.password !== undefined) context.log.secrets.add(credentials.password);
  return credentials;
}

function parsed(text: string): Credentials {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage('stdin must hold one JSON object {"username","password","gateway"}');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usage('stdin must hold one JSON object {"username","password","gateway"}');
  }
  const credentials: Credentials = {};
  for (const name of ['username', 'password', 'gateway'] as const) {
    const member = (value as Record<string, unknown>)[name];
    if (member === undefined || member === null) continue;
    if (typeof member !== 'string' || member === '') throw usage(`${name} must be a non-empty string`);
    credentials[name] = member;
  }
  return credentials;
}

function usage(message: string): Error {
  return codedError('PCRS_USAGE', `--credentials: ${message}`);
}
