/**
 * The contract's outcome for a fault of postureInfo. Records are always whole slices, each at most once.
 *
 * `exact`      ok; every record equals the truth
 * `as sent`    ok; the struck answers are empty, and are written so
 * `kept`       ok; every record equals the truth, next to foreign records, which are warned about and counted
 * `pair`       5; exactly the struck policy–host pair is listed as missing, the rest is exact
 * `slice`      5; exactly the struck slice is listed, the rest is exact
 * `all`        5; nothing could be had, and every pair is listed
 * `gone`       5; three slices in a row failed alike: they are listed, the rest counts as not asked
 * `stops`      5 at once; the error names the slice's policy and first host
 * `refused`    4 at once; named in the same way
 * `no token`   4 at once
 */
export type Outcome =
  | 'exact'
  | 'as sent'
  | 'kept'
  | 'pair'
  | 'slice'
  | 'all'
  | 'gone'
  | 'stops'
  | 'refused'
  | 'no token';

/** When a fault strikes: the slice of one pair once or twice, that pair always, or every request. */
export const strikes = ['once', 'twice', 'pair', 'always'] as const;
export type Strike = (typeof strikes)[number];

export interface PostureRow {
  /** A kind of fault with its options, in the simulator's grammar. */
  fault: string;
  expected: Partial<Record<Strike, Outcome>>;
  /** It waits or hangs: fewer hosts, and limits that end it. */
  limits?: { timeoutMs?: number; maxWaitMs?: number };
  /** What the error must say. */
  says?: RegExp;
  /** The form of the records, if every answer has it. */
  form?: string;
}

type Promise4 = Record<Strike, Outcome>;

const four = (once: Outcome, twice: Outcome, pair: Outcome, always: Outcome): Promise4 => ({
  once,
  twice,
  pair,
  always,
});

/** Contract, section 5: the outcome of each kind of trouble with two retries. */
const harmless = four('exact', 'exact', 'exact', 'exact');
const serverError = four('exact', 'exact', 'pair', 'gone');
const brokenBody = four('exact', 'exact', 'pair', 'all');
const connection = four('exact', 'exact', 'slice', 'gone');
const otherTry = four('exact', 'exact', 'slice', 'all');
const wait = four('exact', 'exact', 'stops', 'stops');
const fatal = four('stops', 'stops', 'stops', 'stops');
const forbidden = four('refused', 'refused', 'refused', 'refused');
const token = four('exact', 'no token', 'no token', 'no token');
const strange = four('exact', 'stops', 'stops', 'stops');
const nothing = four('as sent', 'as sent', 'as sent', 'as sent');

const rows = (expected: Promise4, faults: readonly string[], more: Partial<PostureRow> = {}): PostureRow[] =>
  faults.map((fault) => ({ fault, expected, ...more }));

const alwaysForm = (form: string): PostureRow => ({
  fault: `form=${form}`,
  expected: { always: 'exact' },
  form,
});

/** Every fault that postureInfo can have, except those that take gigabytes or never end (faults-processes). */
export const postureRows: readonly PostureRow[] = [
  ...rows(serverError, [
    'status=500',
    'status=501',
    'status=502:body=html',
    'status=503',
    'status=504:body=empty',
  ]),
  ...rows(serverError, ['status=520:body=long', 'status=500:body=xml:code=999', 'status=500:body=gzip']),
  ...rows(otherTry, ['status=408'], { says: /408/ }),
  ...rows(wait, ['status=429:to-wait=1', 'status=503:retry-after=1', 'status=409:code=1965:to-wait=1'], {
    limits: { maxWaitMs: 6000 },
    says: /--max-wait/,
  }),
  ...rows(wait, ['status=429', 'status=409', 'status=409:code=1959', 'status=409:code=1960:body=xml'], {
    limits: { maxWaitMs: 2500 },
    says: /--max-wait/,
  }),
  ...rows(wait, ['status=409:code=1966'], { limits: { maxWaitMs: 2500 }, says: /--max-wait/ }),
  ...rows(fatal, ['status=429:to-wait=3600', 'status=503:to-wait=86400'], { says: /--max-wait/ }),
  ...rows(fatal, ['status=400:code=1905', 'status=400:body=html'], { says: /400/ }),
  ...rows(fatal, ['status=404', 'status=404:body=empty'], { says: /404/ }),
  ...rows(fatal, ['status=409:code=1920'], { says: /409/ }),
  ...rows(forbidden, ['status=403', 'status=403:body=html'], { says: /403/ }),
  ...rows(token, ['expired', 'unauthenticated', 'revoke'], { says: /run pcrs-auth again/ }),
  ...rows(fatal, ['redirect', 'redirect=https://login.example/:status=307'], {
    says: /redirect.*https:\/\//,
  }),
  ...rows(brokenBody, ['html'], { says: /HTML/ }),
  ...rows(brokenBody, ['cut=1', 'cut=400', 'cut=400:how=chunk', 'cut=400:how=end', 'cut=15:how=end']),
  ...rows(brokenBody, ['corrupt=flip', 'corrupt=crc', 'corrupt=size', 'corrupt=header', 'corrupt=tail']),
  ...rows(brokenBody, ['unclosed', 'half', 'half-closed', 'garbage']),
  ...rows(otherTry, ['empty=broken', 'cut=0', 'cut=0:how=chunk']),
  ...rows(connection, ['refuse'], { says: /connection/ }),
  ...rows(connection, ['hang'], { limits: { timeoutMs: 800 }, says: /byte|silent|time/ }),
  ...rows(brokenBody, ['hang=body:after=100'], { limits: { timeoutMs: 800 } }),
  ...rows(fatal, ['endless-header'], { says: /headers of the answer/ }),
  ...rows(strange, ['foreign=only'], { says: /no record of the response.*cache or proxy/ }),
  ...rows(four('kept', 'kept', 'kept', 'kept'), ['foreign', 'foreign=beside']),
  { fault: 'cached', expected: { always: 'stops' }, says: /no record of the response.*cache or proxy/ },
  ...rows(nothing, ['empty=array', 'empty=204', 'empty=empty']),
  ...rows(harmless, ['delay=30', 'drip=300:every=1', 'encoding=gzip', 'encoding=double', 'encoding=false']),
  ...rows(harmless, [
    'form=pretty',
    'form=escaped',
    'form=padded',
    'form=lines',
    'form=concatenated',
    'form=bom',
  ]),
  ...rows(harmless, ['form=gzip-members', 'form=pretty+concatenated+gzip-members+bom']),
  ...['duplicates', 'split', 'unknown-members', 'big-numbers', 'lone-surrogates', 'string-ids'].map(
    alwaysForm,
  ),
  ...['invalid-utf8', 'raw-controls'].map(alwaysForm),
  { fault: 'form=kind-member', expected: { once: 'stops', always: 'stops' }, says: /"kind"/ },
];
