import { type CodedError, codedError, type ErrorCode } from 'pcrs-records/errors';

/** By SQLSTATE or its class: our code, and what to do. */
const sentences: readonly [string, ErrorCode, string][] = [
  ['55P03', 'PCRS_MACHINE', 'another program holds a lock in the schema; --lock-timeout waits longer'],
  ['53100', 'PCRS_MACHINE', "the server's disk is full"],
  ['53', 'PCRS_MACHINE', 'the server ran out of a resource'],
  ['28', 'PCRS_REFUSED', 'check the user, PGPASSFILE and pg_hba.conf'],
  [
    '42501',
    'PCRS_REFUSED',
    'the user needs TEMPORARY on the database, and CREATE on it or on a schema made for it',
  ],
  ['3D000', 'PCRS_USAGE', 'createdb makes one'],
  ['57', 'PCRS_MACHINE', 'the server ended the connection; try again'],
  ['08', 'PCRS_MACHINE', 'the connection broke; try again'],
];

const ours: Readonly<Record<string, ErrorCode>> = {
  PC002: 'PCRS_USAGE',
  PC003: 'PCRS_RECORD',
  PC004: 'PCRS_REFUSED',
};

const unanswered = 'the server does not answer; check the host, the port and firewalls';
const unproven = "the server's certificate is not from a known CA; give its CA by sslrootcert=FILE";
const broken = 'the connection broke; try again';

/** By the code of a system error, or pg's words if it has none: what happened, and what to do. */
const systemSentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no server answers there; check the host and the port, and that PostgreSQL runs',
  ENOENT: 'no server has a socket there; check PGHOST and PGPORT, and that PostgreSQL runs',
  ENOTFOUND: 'the name of the host is unknown; check it',
  EAI_AGAIN: 'the name of the host could not be looked up; check it, and the network',
  EHOSTUNREACH: unanswered,
  ENETUNREACH: unanswered,
  ETIMEDOUT: unanswered,
  'timeout expired': unanswered,
  EACCES: 'this user may not use the socket; check the rights of its folder',
  ECONNRESET: broken,
  EPIPE: broken,
  'Connection terminated unexpectedly': broken,
  SELF_SIGNED_CERT_IN_CHAIN: unproven,
  DEPTH_ZERO_SELF_SIGNED_CERT: unproven,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unproven,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unproven,
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the server's certificate is for another host; use the name in the certificate, or sslmode=verify-ca",
  'The server does not support SSL connections':
    'the server does not have TLS; turn ssl on there, or use sslmode=prefer',
};

/** A connection error as a sentence with one of our codes; nothing is half loaded. */
export function connectionError(error: unknown, place: string): CodedError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('PCRS_')) return error as CodedError;
  const oneLine = message.replace(/\s+/g, ' ').trim();
  if (ours[code] !== undefined) return codedError(ours[code], oneLine, { cause: error });
  if (!isSqlState(code)) {
    const said = systemSentences[code] ?? systemSentences[oneLine] ?? oneLine;
    const number = code === '' ? '' : ` (${code})`;
    return codedError('PCRS_MACHINE', `${place}: ${said}${number}; nothing was loaded`, { cause: error });
  }
  const [, category, next] = sentences.find(([state]) => code.startsWith(state)) ?? [
    '',
    'PCRS_MACHINE' as const,
    'nothing was loaded',
  ];
  // An object that exists belongs to whoever made it; CREATE would not help.
  const owned = code === '42501' && /\b(table|view|sequence|relation|function) /.test(oneLine);
  const advice = owned ? "load as the role that owns the schema's tables" : next;
  return codedError(category, `${place}: ${oneLine} (SQLSTATE ${code}); ${advice}`, { cause: error });
}

/** Whether it may help to connect without TLS, as sslmode=prefer does. */
export function isTlsFailure(error: unknown): boolean {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  return /^(EPROTO|ERR_SSL_|28000$)/.test(code) || message === 'The server does not support SSL connections';
}

/** EPIPE and other codes of the system begin with other letters. */
function isSqlState(code: string): boolean {
  return /^[0-9FHPX][0-9A-Z]{4}$/.test(code);
}
