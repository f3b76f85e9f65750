/**
 * The contract's outcome for a fault of answers in one piece: the token, the policy list, host ids.
 *
 * `exact`    ok; every record equals the truth
 * `reversed` ok; the records of the truth in the order of the answer
 * `told`     ok; the records as sent, an error among them, and a warning that names the policy
 * `fails`    5; what was written is the truth up to there; the error names the request
 * `refused`  4, and not repeated except for one renewal of the token
 */
export type DocumentOutcome = 'exact' | 'reversed' | 'told' | 'fails' | 'refused';

export const documentStrikes = ['once', 'twice', 'always'] as const;
export type DocumentStrike = (typeof documentStrikes)[number];
export type DocumentEndpoint = 'auth' | 'list' | 'hostids';

export interface DocumentRow {
  endpoint: DocumentEndpoint;
  fault: string;
  /** Strikes only requests for one policy, and is about it. */
  onePolicy?: boolean;
  expected: Partial<Record<DocumentStrike, DocumentOutcome>>;
  /** It waits or hangs: limits that end it. */
  limits?: { timeoutMs?: number; maxWaitMs?: number };
  says?: RegExp;
  form?: string;
}

type Promise3 = Record<DocumentStrike, DocumentOutcome>;

const three = (once: DocumentOutcome, twice: DocumentOutcome, always: DocumentOutcome): Promise3 => ({
  once,
  twice,
  always,
});

/** Contract, section 5: the outcome of each kind of trouble with two retries. */
const harmless = three('exact', 'exact', 'exact');
const outlived = three('exact', 'exact', 'fails');
const fatal = three('fails', 'fails', 'fails');
const refused = three('refused', 'refused', 'refused');
const token = three('exact', 'refused', 'refused');
const twiceIsTooMuch = three('exact', 'fails', 'fails');

type More = Partial<Omit<DocumentRow, 'endpoint' | 'fault' | 'expected'>>;

function rows(
  endpoint: DocumentEndpoint,
  expected: DocumentRow['expected'],
  faults: readonly string[],
  more: More = {},
): DocumentRow[] {
  return faults.map((fault) => ({ endpoint, fault, expected, ...more }));
}

const tries = [
  'status=500',
  'status=502:body=html',
  'status=503',
  'status=504:body=empty',
  'status=408',
  'refuse',
];
const waits = ['status=429', 'status=409', 'status=409:code=1959', 'status=409:code=1966:body=xml'];
const toldWaits = ['status=429:to-wait=1', 'status=503:retry-after=1', 'status=409:code=1960:to-wait=1'];

function everywhere(endpoint: DocumentEndpoint): DocumentRow[] {
  return [
    ...rows(endpoint, outlived, tries),
    ...rows(endpoint, outlived, waits, { limits: { maxWaitMs: 2500 } }),
    ...rows(endpoint, outlived, toldWaits, { limits: { maxWaitMs: 6000 } }),
    ...rows(endpoint, fatal, ['status=429:to-wait=3600', 'status=503:to-wait=86400'], { says: /--max-wait/ }),
    ...rows(endpoint, fatal, ['status=400:code=1905'], { says: /400/ }),
    ...rows(endpoint, fatal, ['status=404:body=html'], { says: /404/ }),
    ...rows(endpoint, fatal, ['status=409:code=1920'], { says: /409/ }),
    ...rows(endpoint, refused, ['status=403', 'status=403:body=gzip'], { says: /403/ }),
    ...rows(endpoint, fatal, ['redirect', 'redirect=https://login.example/:status=308'], {
      says: /redirect.*https:\/\//,
    }),
    ...rows(endpoint, outlived, ['html', 'cut=0', 'cut=1', 'cut=90', 'cut=90:how=chunk', 'cut=90:how=end']),
    ...rows(endpoint, outlived, ['hang', 'hang=body:after=50'], { limits: { timeoutMs: 800 } }),
    ...rows(endpoint, fatal, ['endless-header'], { says: /headers of the answer/ }),
    ...rows(endpoint, harmless, ['delay=30', 'drip=40:every=1']),
  ];
}

function documents(endpoint: 'list' | 'hostids'): DocumentRow[] {
  const forms = ['pretty', 'escaped', 'padded', 'bom', 'pretty+bom'].map((form) => `form=${form}`);
  const changing = ['unknown-members', 'big-numbers', 'lone-surrogates'];
  return [
    ...rows(endpoint, token, ['expired', 'unauthenticated', 'revoke'], { says: /run pcrs-auth again/ }),
    ...rows(endpoint, harmless, forms),
    ...changing.map(
      (form): DocumentRow => ({ endpoint, fault: `form=${form}`, expected: { always: 'exact' }, form }),
    ),
    ...rows(endpoint, fatal, ['form=kind-member'], { says: /"kind"/ }),
  ];
}

/** Every fault that an answer in one piece can have. */
export const documentRows: readonly DocumentRow[] = [
  ...everywhere('auth'),
  ...rows('auth', refused, ['status=401', 'expired', 'unauthenticated'], { says: /401/ }),
  ...everywhere('list'),
  ...documents('list'),
  ...rows('list', three('reversed', 'reversed', 'reversed'), ['reorder']),
  ...everywhere('hostids'),
  ...documents('hostids'),
  ...rows('hostids', harmless, ['reorder']),
  ...rows('hostids', twiceIsTooMuch, ['missing', 'policy-error'], { onePolicy: true }),
  ...rows(
    'hostids',
    three('told', 'told', 'told'),
    ['policy-error=Error: Compliance Policy does not exist.'],
    {
      onePolicy: true,
    },
  ),
];
