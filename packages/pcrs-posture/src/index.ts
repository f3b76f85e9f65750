import type { Gateway } from 'pcrs-gateway/gateway';
import { parseExact } from 'pcrs-records/json';
import type { SliceCounts } from 'pcrs-records/kinds';
import type { PostureRecord } from 'pcrs-records/record-types';
import type { ProvenSlice, Store } from './ask.ts';
import { defaults } from './defaults.ts';
import { Fetch } from './fetch.ts';
import { type Plan, plan } from './plan.ts';
import { type PostureQuery, type Question, scopeOf, toQuestion } from './query.ts';
import { type EarlierCut, type PolicyHosts, type Slice, SliceCutter, slices } from './slices.ts';
import { Spool } from './spool.ts';

export type { PostureRecord } from 'pcrs-records/record-types';
export type { ProvenSlice } from './ask.ts';
export { policyHosts } from './host-ids.ts';
export type { Plan } from './plan.ts';
export type { PostureQuery } from './query.ts';
export type { PolicyHosts, Slice } from './slices.ts';

export interface PostureOptions extends PostureQuery {
  /** Host ids per request, all policies together; default 1000. */
  hostsPerRequest?: number | undefined;
  /** 1 to 10 (the gateway's limit); default 10. */
  policiesPerRequest?: number | undefined;
  /** Requests in flight; default 2. */
  concurrency?: number | undefined;
  /** Lines start with `{"kind":"posture"`; default true. */
  tagged?: boolean | undefined;
  /** Warnings become failures: with a date a body that never began, foreign records, no records at all. */
  strict?: boolean | undefined;
  /** Directory for bodies that do not fit in 64 MiB; default: the system's temporary directory. */
  tempDir?: string | undefined;
  /** A store for bodies instead. */
  store?: Store | undefined;
  /** The first slices, as an earlier run cut them. */
  cuts?: readonly EarlierCut[] | undefined;
  /** Called with each slice when it is cut. */
  onCut?: ((slice: Slice) => void | Promise<void>) | undefined;
  /** Called with warnings. */
  warn?: ((message: string) => void) | undefined;
}

/** Slices being fetched, and their counts so far. */
export interface PostureSlices extends AsyncIterable<ProvenSlice> {
  readonly counts: SliceCounts;
}

/** After a pause of the input this long, a partly filled slice goes out. */
const patienceMs = 5000;
const longestTimerMs = 2 ** 31 - 1;

/**
 * Posture of policies and hosts, a slice at a time, each proven whole before it is yielded.
 *
 * Takes   gateway   undefined: only bodies from the store
 *         input     policies and host ids; read as slices are asked for
 * Yields  slices as they are proven: in input order with one request in flight; read a slice's `blocks()` before
 *         taking the next
 * Limits  `concurrency` requests in flight, concurrency + 1 slices waiting, 64 MiB of memory for them
 * Throws  PCRS_USAGE for conflicting options; see Fetch; slices already yielded stand
 * Source  Qualys PCRS, Get Posture Info, V5.0 (docs.qualys.com, read 2026-11-23)
 */
export function postureSlices(
  gateway: Pick<Gateway, 'ask'> | undefined,
  input: AsyncIterable<PolicyHosts> | Iterable<PolicyHosts>,
  options: PostureOptions = {},
): PostureSlices {
  const { question, scope, cutter } = slicing(options);
  const fetch = new Fetch({
    gateway,
    ...{ path: question.path, parameters: question.parameters, scope },
    kind: options.tagged === false ? undefined : 'posture',
    concurrency: options.concurrency ?? defaults.concurrency,
    dated: question.dated,
    strict: options.strict ?? false,
    store: options.store ?? spoolStore(options.tempDir),
    warn: options.warn ?? (() => {}),
  });
  return {
    get counts() {
      return fetch.counts;
    },
    [Symbol.asyncIterator]: () =>
      fetch.slices(told(slices(toAsync(input), cutter, patienceMs), options.onCut)),
  };
}

/** The requests an input would take, at a rate; asks nothing. */
export async function posturePlan(
  input: AsyncIterable<PolicyHosts> | Iterable<PolicyHosts>,
  rate: { requests: number; seconds: number },
  options: PostureOptions = {},
): Promise<Plan> {
  const { cutter } = slicing(options);
  return plan(slices(toAsync(input), cutter, longestTimerMs), rate);
}

/**
 * Posture records of policies and hosts, parsed and typed; numbers that a double would change keep their digits (see
 * pcrs-records/json).
 *
 * Takes, Limits, Throws  as postureSlices
 */
export async function* posture(
  gateway: Pick<Gateway, 'ask'>,
  input: AsyncIterable<PolicyHosts> | Iterable<PolicyHosts>,
  options: Omit<PostureOptions, 'tagged'> = {},
): AsyncGenerator<PostureRecord> {
  for await (const slice of postureSlices(gateway, input, { ...options, tagged: false })) {
    for await (const { bytes } of slice.blocks()) {
      for (const line of new TextDecoder().decode(bytes).split('\n')) {
        if (line !== '') yield parseExact(line) as PostureRecord;
      }
    }
  }
}

function slicing(options: PostureOptions): { question: Question; scope: string; cutter: SliceCutter } {
  const question = toQuestion(options);
  const scope = scopeOf(question);
  const { hostsPerRequest, policiesPerRequest } = defaults;
  const limits = {
    hostsPerRequest: options.hostsPerRequest ?? hostsPerRequest,
    policiesPerRequest: options.policiesPerRequest ?? policiesPerRequest,
  };
  return { question, scope, cutter: new SliceCutter(limits, scope, options.cuts) };
}

function spoolStore(directory: string | undefined): Store {
  const spool = new Spool({ directory });
  return { open: async () => spool.open(), keep: async () => null };
}

async function* told(source: AsyncGenerator<Slice>, tell: PostureOptions['onCut']): AsyncGenerator<Slice> {
  for await (const slice of source) {
    await tell?.(slice);
    yield slice;
  }
}

async function* toAsync<T>(input: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  yield* input;
}
