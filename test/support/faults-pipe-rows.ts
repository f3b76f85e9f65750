import type { SimulatorOptions } from 'pcrs-simulator';

/** The contract's outcome for a run of the whole pipe with a fault in it, as a shell sees it. */
export interface PipeRow {
  name: string;
  /** `POLICY` and `HOST` stand for a pair in the middle of the run. */
  faults: readonly string[];
  simulator?: SimulatorOptions;
  env?: Record<string, string>;
  /** A foreign stage between pcrs-posture and the sink. */
  through?: string;
  /** Exit statuses of pcrs-auth, -policies, -hostids, -posture, of the foreign stage, and of -to-sqlite. */
  statuses: string;
  /** Which resolved pairs are missing in the database: none by default. */
  lost?: 'none' | 'the pair' | 'the slice' | 'listed' | 'stopped' | 'unsaid' | 'warned of';
  /** Similar to a row that is always tried; in long runs only. */
  long?: boolean;
  /** What the sink's one line says. */
  says?: RegExp;
  /** A stage's warning in a run that is still complete. */
  warns?: RegExp;
}

const good = '0 0 0 0 0';
const byPosture = '0 0 0 5 6';
const pair = '@policy=POLICY@host=HOST';

/** Two tries each, a second of silence, and waits of three seconds in total: see faults-pipe-case. */
export const pipeRows: readonly PipeRow[] = [
  { name: 'nothing is wrong', faults: [], statuses: good },
  // login
  {
    name: 'a wrong password',
    faults: ['auth:*:status=401'],
    statuses: '4 6 6 6 6',
    says: /pcrs-auth ended 4: .*401/,
  },
  {
    name: 'the login is down',
    faults: ['auth:*:status=503'],
    statuses: '5 6 6 6 6',
    says: /pcrs-auth ended 5: .*503/,
  },
  { name: 'the login stumbles', long: true, faults: ['auth:1:status=502:body=html'], statuses: good },
  { name: 'the login is half a token', faults: ['auth:1:cut=90:how=end'], statuses: good },
  // policy list
  { name: 'the list breaks off once', faults: ['list:1:cut=200'], statuses: good },
  {
    name: 'the list is down',
    faults: ['list:*:status=500'],
    statuses: '0 5 0 0 6',
    says: /pcrs-policies ended 5: .*500/,
  },
  {
    name: 'the list is forbidden',
    long: true,
    faults: ['list:*:status=403'],
    statuses: '0 4 0 0 6',
    says: /pcrs-policies ended 4: .*403/,
  },
  {
    name: 'the list is empty',
    faults: ['list:*:cut=0:how=end'],
    statuses: '0 7 0 0 6',
    says: /pcrs-policies ended 7/,
  },
  {
    name: 'the list is elsewhere',
    long: true,
    faults: ['list:*:redirect'],
    statuses: '0 5 0 0 6',
    says: /elsewhere\.example/,
  },
  // host ids
  { name: 'host ids break off twice', faults: ['hostids:2-2:cut=60', 'hostids:4:corrupt'], statuses: good },
  {
    name: 'host ids of a policy are missing once',
    faults: ['hostids:1:missing@policy=POLICY'],
    statuses: good,
  },
  {
    name: 'host ids of a policy stay missing',
    faults: ['hostids:*:missing@policy=POLICY'],
    statuses: '0 0 5 0 6',
    says: /pcrs-hostids ended 5: policy \d+/,
  },
  {
    name: 'host ids of a policy stay an error',
    long: true,
    faults: ['hostids:*:policy-error@policy=POLICY'],
    statuses: '0 0 5 0 6',
    says: /pcrs-hostids ended 5: policy \d+.*Internal error/,
  },
  {
    name: 'host ids are refused for good',
    long: true,
    faults: ['hostids:2-:status=500'],
    statuses: '0 0 5 0 6',
    says: /pcrs-hostids ended 5: .*500/,
  },
  // posture
  { name: 'a 503 once', long: true, faults: ['posture:3:status=503'], statuses: good },
  { name: 'a wait of a second', faults: ['posture:2:status=429:to-wait=1'], statuses: good },
  {
    name: 'a wait of an hour',
    faults: ['posture:2:status=429:to-wait=3600'],
    statuses: byPosture,
    lost: 'stopped',
    says: /--max-wait/,
  },
  { name: 'too many at once', faults: ['posture:2:status=409:code=1960:to-wait=1'], statuses: good },
  { name: 'a body breaks off', long: true, faults: ['posture:2:cut=500'], statuses: good },
  { name: 'the gzip is damaged', long: true, faults: ['posture:2:corrupt=crc'], statuses: good },
  { name: 'an HTML page with 200', long: true, faults: ['posture:2:html'], statuses: good },
  { name: 'silence in the middle of a body', faults: ['posture:2:hang=body:after=100'], statuses: good },
  { name: 'silence before the headers', long: true, faults: ['posture:3:hang'], statuses: good },
  {
    name: 'the gateway is away for a second',
    faults: ['posture:3:down=1'],
    env: { PCRS_RETRIES: '4' },
    statuses: good,
  },
  {
    name: 'one pair is always 500',
    faults: [`posture:*:status=500${pair}`],
    statuses: byPosture,
    lost: 'the pair',
    says: /policy \d+, host \d+/,
  },
  {
    name: 'one pair always breaks off',
    long: true,
    faults: [`posture:*:cut=300${pair}`],
    statuses: byPosture,
    lost: 'the pair',
    says: /policy \d+, host \d+/,
  },
  {
    name: 'one pair is always garbage',
    long: true,
    faults: [`posture:*:garbage${pair}`],
    statuses: byPosture,
    lost: 'the pair',
    says: /policy \d+, host \d+/,
  },
  {
    name: 'one slice never begins',
    faults: [`posture:*:empty=broken${pair}`],
    statuses: byPosture,
    lost: 'the slice',
    says: /policy \d+, host \d+/,
  },
  {
    name: 'every body breaks off',
    long: true,
    faults: ['posture:*:cut=300'],
    statuses: byPosture,
    lost: 'listed',
    says: /\d+ of \d+ slices failed/,
  },
  {
    name: 'every request is 500',
    faults: ['posture:*:status=500'],
    statuses: byPosture,
    lost: 'stopped',
    says: /in a row/,
  },
  {
    name: 'the gateway goes away',
    faults: ['posture:4-:refuse'],
    statuses: byPosture,
    lost: 'stopped',
    says: /in a row/,
  },
  {
    name: 'a 400',
    long: true,
    faults: ['posture:3:status=400:code=1905'],
    statuses: byPosture,
    lost: 'stopped',
    says: /400.*policy \d+/,
  },
  {
    name: 'a 403',
    faults: ['posture:3:status=403'],
    statuses: '0 0 0 4 6',
    lost: 'stopped',
    says: /403.*policy \d+/,
  },
  {
    name: 'a redirect',
    long: true,
    faults: ['posture:3:redirect'],
    statuses: byPosture,
    lost: 'stopped',
    says: /elsewhere\.example.*policy \d+/,
  },
  // no data
  {
    name: 'every answer is an empty array',
    faults: ['posture:*:empty=array'],
    statuses: good,
    lost: 'warned of',
    warns: /^pcrs-posture: no posture records for \d+ hosts, although no date filter is set/m,
  },
  {
    name: 'one answer has not one byte',
    faults: [`posture:*:empty=empty${pair}`],
    statuses: good,
    lost: 'warned of',
    warns: /^pcrs-posture: 1 slice got status 200 without a single byte \(\d+ hosts?\)/m,
  },
  // tokens
  { name: 'the token ends in the middle', faults: ['posture:3:expired'], statuses: good },
  {
    name: 'every token is revoked in the middle',
    long: true,
    faults: ['posture:2:revoke', 'posture:5:revoke'],
    statuses: good,
  },
  {
    name: 'the token dies in the middle of a body',
    faults: ['posture:2:cut=300', 'posture:3:revoke'],
    statuses: good,
  },
  {
    name: 'no token is good for posture',
    faults: ['posture:*:expired'],
    statuses: '0 0 0 4 6',
    lost: 'stopped',
    says: /run pcrs-auth again/,
  },
  {
    name: 'tokens live for two seconds',
    long: true,
    faults: ['posture:*:delay=400'],
    simulator: { expireTokenAfterSeconds: 2 },
    statuses: good,
  },
  {
    name: 'tokens live for two seconds and do not say so',
    faults: ['posture:*:delay=400'],
    simulator: { expireTokenAfterSeconds: 2, tokenWithoutExp: true },
    statuses: good,
  },
  {
    name: 'the login is down when the token ends',
    faults: ['posture:3:revoke', 'auth:2-:status=500'],
    statuses: byPosture,
    lost: 'stopped',
    says: /\/auth.*500/,
  },
  // between the stages and the sink
  {
    name: 'the last line is cut off',
    faults: [],
    through: "sed '$d'",
    statuses: '0 0 0 0 0 6',
    says: /pcrs-posture broke off/,
  },
  {
    name: 'only the first line comes through',
    faults: [],
    through: 'head -1',
    statuses: '0 0 0 0 0 6',
    says: /no stage/,
  },
  {
    name: 'a filter takes the records of the run',
    faults: [],
    through: `grep -E '^."kind":"(session|posture)"'`,
    statuses: '0 0 0 0 0 6',
    says: /no stage/,
  },
  {
    name: 'a filter takes the end of a stage that failed',
    faults: [`posture:*:status=500${pair}`],
    through: `grep -v '"kind":"end".*"stage":"pcrs-posture"'`,
    statuses: '0 0 0 5 0 6',
    lost: 'unsaid',
    says: /pcrs-posture broke off/,
  },
  {
    name: 'a proxy answers every request for posture as it answered the first',
    faults: ['posture:*:cached'],
    statuses: byPosture,
    lost: 'stopped',
    says: /cache or proxy/,
  },
  // everything together
  {
    name: 'a bad day',
    faults: [
      'list:1:status=502',
      'hostids:1:cut=30',
      'posture:%3:cut=200',
      'posture:4:expired',
      'posture:6:refuse',
      'posture:7:status=429:to-wait=1',
    ],
    env: { PCRS_RETRIES: '4' },
    statuses: good,
  },
];
