import { type CodedError, codedError, type ErrorCode } from 'pcrs-records/errors';

/** By SQLSTATE or its class: our code, and what to do. */
const sentences: readonly [string, ErrorCode, string][] = [
  ['55P03', 'PCRS_MACHINE', 'another program holds a lock in the schema; --lock-timeout waits longer'],
  ['53100', 'PCRS_MACHINE', "the server's disk is full"],
  ['53', 'PCRS_MACHINE', 'the server ran out of a resource'],
  ['28', 'PCRS_REFUSED', 'check the user, PGPASSFILE and pg_hba.conf'],
  ['42501', 'PCRS_REFUSED', 'the user needs CREATE on the database, or on a schema made for it'],
  ['3D000', 'PCRS_USAGE', 'createdb makes one'],
  ['57', 'PCRS_MACHINE', 'the server ended the connection; try again'],
  ['08', 'PCRS_MACHINE', 'the connection broke; try again'],
];

/** A connection error as a sentence with one of our codes; nothing is half loaded. */
export function connectionError(error: unknown, place: string): CodedError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('PCRS_')) return error as CodedError;
  const oneLine = message.replace(/\s+/g, ' ').trim();
  if (code === 'PC002') return codedError('PCRS_USAGE', oneLine, { cause: error });
  if (code === 'PC003') return codedError('PCRS_RECORD', oneLine, { cause: error });
  if (!/^[0-9A-Z]{5}$/.test(code)) {
    return codedError(
      'PCRS_MACHINE',
      `${place}: ${oneLine}${code === '' ? '' : ` (${code})`}; nothing was loaded`,
      { cause: error },
    );
  }
  const [, ours, next] = sentences.find(([state]) => code.startsWith(state)) ?? [
    '',
    'PCRS_MACHINE' as const,
    'nothing was loaded',
  ];
  return codedError(ours, `${place}: ${oneLine} (SQLSTATE ${code}); ${next}`, { cause: error });
}
