/** A kind of fault, with its value and options. */
export interface FaultKind {
  /** Placeholder after `=`; a single capital letter is a number. */
  readonly value?: string;
  readonly valueRequired?: boolean;
  readonly options?: readonly string[];
  readonly endpoints?: readonly ('auth' | 'list' | 'hostids' | 'posture')[];
  readonly describe: string;
}

/** Every kind of fault, by name. */
export const faultKinds = {
  status: {
    value: 'N',
    valueRequired: true,
    options: ['body', 'code', 'to-wait', 'retry-after'],
    describe:
      'answer with that status; body=json|html|long|xml|gzip|empty, code=N in the body, to-wait=S and retry-after=S as headers',
  },
  expired: { describe: '401 JWT expired' },
  unauthenticated: { describe: '401 Not authenticated' },
  revoke: { describe: '401 JWT expired, now and for every token issued so far' },
  cut: {
    value: 'BYTES',
    valueRequired: true,
    options: ['how'],
    describe:
      'the body ends after BYTES; how=destroy (close the connection, default), chunk (a broken chunk), end (as if complete)',
  },
  corrupt: {
    value: 'flip|crc|size|header|tail',
    options: ['at'],
    describe: 'gzip with a wrong byte (at=N, default the middle), CRC, length or header, or garbage after it',
  },
  unclosed: { endpoints: ['posture'], describe: 'the array has no closing ]' },
  half: { endpoints: ['posture'], describe: 'the JSON ends within the last record, inside complete gzip' },
  'half-closed': { endpoints: ['posture'], describe: 'the last record breaks off, then ]' },
  garbage: { endpoints: ['posture'], describe: 'text between two records' },
  drip: {
    value: 'BYTES',
    options: ['every', 'after'],
    describe: 'send BYTES every=MS (default 10), starting after=N',
  },
  delay: { value: 'MS', valueRequired: true, describe: 'wait MS before the headers' },
  hang: {
    value: 'headers|body',
    options: ['after'],
    describe: 'stop sending: before the headers, or in the body after=N bytes',
  },
  redirect: { value: 'URL', options: ['status'], describe: '302 (or status=N) to URL' },
  html: { describe: '200 with an HTML error page' },
  'policy-error': {
    value: 'TEXT',
    endpoints: ['hostids'],
    describe: 'a policy (@policy, else the first) has no hosts, and TEXT (or a JSON object) as its error',
  },
  missing: {
    endpoints: ['hostids'],
    describe: 'a policy (@policy, else the first) is missing from the answer',
  },
  reorder: { endpoints: ['hostids', 'list'], describe: 'the answer in another order' },
  empty: {
    value: 'array|204|empty|broken',
    endpoints: ['posture'],
    describe: 'no records, in that form of an empty answer',
  },
  cached: {
    endpoints: ['posture'],
    describe: 'repeats the answer to the first request it hits, like a cache that looks only at the URL',
  },
  foreign: {
    value: 'beside|only',
    endpoints: ['posture'],
    describe: 'records of a host that was not asked for, in addition (default) or instead',
  },
  form: { value: 'NAME+NAME', valueRequired: true, describe: 'the forms of --form, for this answer' },
  encoding: {
    value: 'gzip|double|false',
    valueRequired: true,
    describe: '--content-encoding, for this answer',
  },
  endless: { value: 'records|spaces|string', endpoints: ['posture'], describe: 'a body that never ends' },
  bomb: {
    value: 'string|records',
    options: ['bytes'],
    endpoints: ['posture'],
    describe: 'bytes=N (default 1 GiB) of one string of zeros, or of small records',
  },
  'endless-header': { describe: 'headers that never end' },
  refuse: { describe: 'close the connection without an answer' },
  down: { value: 'SECONDS', describe: 'the gateway stops listening, for SECONDS or for good' },
} as const satisfies Record<string, FaultKind>;

/** Name of a kind. */
export type FaultName = keyof typeof faultKinds;
