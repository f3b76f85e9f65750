import { type Answer, invalidInput, json } from './answers.ts';
import { badDate, instantOf, type Question } from './endpoints.ts';
import { type Fault, numberOf } from './faults.ts';
import { changedRecords, spelledArray } from './forms.ts';
import type { EmptyAs } from './options.ts';
import type { Pair, RecordBlock, RecordOptions } from './posture-records.ts';
import { brokenText, endlessBody, largeBody } from './text-faults.ts';

/** A policy and its hosts in a postureInfo body. */
export interface Asked {
  readonly policyId: string;
  readonly subscriptionId: string | undefined;
  readonly hostIds: readonly string[];
}

/**
 * The policies of a postureInfo body; undefined if it is invalid. Ids may be numbers, `subscriptionId` may be absent,
 * other members are ignored.
 */
export function parseAsked(body: Buffer): Asked[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  const asked = list.map(parseOne);
  return asked.includes(undefined) ? undefined : (asked as Asked[]);
}

function parseOne(item: unknown): Asked | undefined {
  const { policyId, subscriptionId, hostIds } = (item ?? {}) as Record<string, unknown>;
  if (!isId(policyId) || !(subscriptionId === undefined || isId(subscriptionId))) return undefined;
  if (!Array.isArray(hostIds) || !hostIds.every(isId)) return undefined;
  const subscription = subscriptionId === undefined ? undefined : String(subscriptionId);
  return { policyId: String(policyId), subscriptionId: subscription, hostIds: hostIds.map(String) };
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string'
    ? /^\d+$/.test(value)
    : Number.isSafeInteger(value) && (value as number) >= 0;
}

/** POST /pcrs/{1.0–5.0}/posture/postureInfo */
export function postureInfo(question: Question, asked: readonly Asked[]): Answer {
  const { query, faults, options } = question;
  const wanted = recordOptionsOf(question);
  if ('status' in wanted) return wanted;
  const compressed = (query.get('compressionRequired') ?? '1') === '1';
  const made = (content: Iterable<Buffer>): Answer => ({
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: content,
    gzip: compressed,
  });
  for (const { kind, value, options: given } of faults) {
    if (kind === 'empty') return emptyAnswer((value ?? 'array') as EmptyAs, made);
    if (kind === 'endless') return made(endlessBody(value ?? 'records', asked));
    if (kind === 'bomb') return made(largeBody(value ?? 'string', numberOf(given['bytes'], 2 ** 30), asked));
  }
  const foreign = faults.find(({ kind }) => kind === 'foreign');
  const pairs = foreign === undefined ? pairsOf(question, asked) : withForeign(question, asked, foreign);
  const blocks = question.world.records.blocks(pairs, wanted);
  const first = blocks.next();
  if (first.done) return emptyAnswer(options.emptyAs ?? 'array', made);
  return made(brokenText(document(question, rejoined(first.value, blocks)), faults));
}

function document({ forms }: Question, blocks: Iterable<RecordBlock>): Iterable<Buffer> {
  return forms.size === 0
    ? plainArray(blocks)
    : spelledArray(changedRecords(recordsOf(blocks), forms), forms);
}

/** The blocks unchanged, except that the first comma becomes the bracket. */
function* plainArray(blocks: Iterable<RecordBlock>): Generator<Buffer> {
  let opened = false;
  for (const { bytes } of blocks) {
    if (!opened) bytes[0] = 0x5b;
    opened = true;
    yield bytes;
  }
  yield Buffer.from(']');
}

function* rejoined(first: RecordBlock, rest: Generator<RecordBlock>): Generator<RecordBlock> {
  yield first;
  yield* rest;
}

/** The single records of blocks, as JSON texts. */
function* recordsOf(blocks: Iterable<RecordBlock>): Generator<string> {
  for (const { bytes, ends } of blocks) {
    let from = 1;
    for (const end of ends) {
      yield bytes.toString('utf8', from, end);
      from = end + 1;
    }
  }
}

function* pairsOf({ world, version }: Question, asked: readonly Asked[]): Generator<Pair> {
  for (const { policyId, subscriptionId, hostIds } of asked) {
    if (subscriptionId === undefined || subscriptionId === world.subscriptionId) {
      yield* world.pairs(policyId, hostIds, version);
    }
  }
}

/** The requested pairs, unless the foreign one comes alone, and the world's first pair that was not requested. */
function* withForeign(question: Question, asked: readonly Asked[], { value }: Fault): Generator<Pair> {
  if (value !== 'only') yield* pairsOf(question, asked);
  const { world, version } = question;
  for (const policyId of world.policyIds('active')) {
    const taken = new Set(asked.flatMap((one) => (one.policyId === policyId ? one.hostIds : [])));
    const free = world.hostIds(policyId, { version }).find((hostId) => !taken.has(hostId));
    if (free !== undefined) return yield* world.pairs(policyId, [free], version);
  }
}

function emptyAnswer(form: EmptyAs, made: (content: Iterable<Buffer>) => Answer): Answer {
  if (form === 'array') return made([Buffer.from('[]')]);
  if (form === '204') return { status: 204, headers: {}, body: Buffer.alloc(0) };
  if (form === 'empty') return { ...made([]), gzip: false };
  return { ...made([]), gzip: false, broken: true };
}

/** The record options of a query, or the gateway's error. */
function recordOptionsOf({ version, query }: Question): RecordOptions | Answer {
  const flags = [
    'evidenceRequired',
    'compressionRequired',
    'excludeInactiveControl',
    'extendedEvidenceRequired',
    'qdScoreRequired',
  ];
  const on = new Map<string, boolean>();
  for (const name of flags) {
    const value = query.get(name);
    if (value !== undefined && value !== '0' && value !== '1') return invalidInput();
    on.set(name, value === '1');
  }
  if (on.get('extendedEvidenceRequired') && !on.get('evidenceRequired')) return invalidInput();
  const both = query.has('lastScanDateFrom') && query.has('lastScanDateTo');
  const either = query.has('lastScanDateFrom') || query.has('lastScanDateTo');
  if (either && (!both || query.has('lastScanDate'))) return invalidInput();
  const dates: Record<string, number | undefined> = {};
  for (const name of [
    'lastEvaluationDate',
    'lastScanDate',
    'lastScanDateFrom',
    'lastScanDateTo',
    'statusChangedSince',
  ]) {
    const at = instantOf(query, name);
    if (at === 'bad') return badDate(query, name);
    dates[name] = at;
  }
  return {
    version,
    evidence: evidenceKind(version, on),
    detectionScore: on.get('qdScoreRequired') ?? false,
    excludeInactiveControls: on.get('excludeInactiveControl') ?? false,
    evaluatedSince: dates['lastEvaluationDate'],
    scannedFrom: dates['lastScanDate'] ?? dates['lastScanDateFrom'],
    scannedTo: endOf(query.get('lastScanDateTo'), dates['lastScanDateTo']),
    statusChangedSince: dates['statusChangedSince'],
  };
}

/** Extended evidence comes with any evidence in 2.0 to 4.0, only on request in 5.0, and never in 1.0. */
function evidenceKind(version: number, on: ReadonlyMap<string, boolean>): RecordOptions['evidence'] {
  if (!on.get('evidenceRequired')) return 'none';
  if (version === 1) return 'evidence';
  return version < 5 || on.get('extendedEvidenceRequired') ? 'extended' : 'evidence';
}

/** The window includes its whole last day. */
function endOf(text: string | undefined, at: number | undefined): number | undefined {
  return at !== undefined && text?.length === 10 ? at + 86_399_999 : at;
}

/** The answer to a POST that is not declared as JSON. */
export function unsupportedMediaType(): Answer {
  return json(415, {
    status: 415,
    error: 'Unsupported Media Type',
    message: 'Content-Type must be application/json',
  });
}
