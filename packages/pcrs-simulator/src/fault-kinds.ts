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
      'that status; body=json|html|long|xml|gzip|empty, code=N in the body, to-wait=S and retry-after=S as headers',
  },
  expired: { describe: '401 JWT expired' },
  unauthenticated: { describe: '401 Not authenticated' },
  revoke: { describe: '401 JWT expired, and so for every token made so far' },
  cut: {
    value: 'BYTES',
    valueRequired: true,
    options: ['how'],
    describe:
      'the body ends after so many bytes; how=destroy (the connection, default), chunk (a broken chunk), end (as if whole)',
  },
  corrupt: {
    value: 'flip|crc|size|header|tail',
    options: ['at'],
    describe: 'gzip with a wrong byte (at=N, default the middle), CRC, length, header, or rubbish after it',
  },
  unclosed: { endpoints: ['posture'], describe: 'the array has no ]' },
  half: { endpoints: ['posture'], describe: 'ends within the last record, gzip whole' },
  'half-closed': { endpoints: ['posture'], describe: 'the last record breaks off, then ]' },
  garbage: { endpoints: ['posture'], describe: 'text between two records' },
  drip: {
    value: 'BYTES',
    options: ['every', 'after'],
    describe: 'so many bytes each every=MS (default 10), from after=N on',
  },
  delay: { value: 'MS', valueRequired: true, describe: 'so long before the headers' },
  hang: {
    value: 'headers|body',
    options: ['after'],
    describe: 'nothing more: before the headers, or in the body after=N bytes',
  },
  redirect: { value: 'URL', options: ['status'], describe: '302 (or status=N) to there' },
  html: { describe: '200 with an HTML error page' },
  'policy-error': {
    value: 'TEXT',
    endpoints: ['hostids'],
    describe: 'no hosts, and that text (or JSON object) as the error of a policy (@policy, else the first)',
  },
  missing: { endpoints: ['hostids'], describe: 'a policy (@policy, else the first) is not in the answer' },
  reorder: { endpoints: ['hostids', 'list'], describe: 'the answer in another order' },
  empty: { value: 'array|204|empty|broken', endpoints: ['posture'], describe: 'no records, in that form' },
  cached: {
    endpoints: ['posture'],
    describe: 'the answer to the first question that it strikes, as of a cache that looks at the URL alone',
  },
  foreign: {
    value: 'beside|only',
    endpoints: ['posture'],
    describe: 'records of a host that was not asked for, beside those that were (default) or alone',
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
  refuse: { describe: 'the connection ends without an answer' },
  down: { value: 'SECONDS', describe: 'the gateway stops listening, for so long or for good' },
} as const satisfies Record<string, FaultKind>;

/** Name of a kind. */
export type FaultName = keyof typeof faultKinds;
