import type { Gateway } from 'pcrs-gateway/gateway';
import { parseExact } from 'pcrs-records/json';
import type { SliceCounts } from 'pcrs-records/kinds';
import type { PostureRecord } from 'pcrs-records/record-types';
import type { ProvenSlice, Store } from './ask.ts';
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
  /** Host ids in one body, all policies together; default 1000. */
  hostsPerRequest?: number | undefined;
  /** 1 to 10 (the gateway's limit); default 10. */
  policiesPerRequest?: number | undefined;
  /** Requests in flight; default 2. */
  concurrency?: number | undefined;
  /** Lines begin with `{"kind":"posture"`; default true. */
  tagged?: boolean | undefined;
  /** What would be a warning is a failure: with a date a body that never began, records nobody asked for, emptiness. */
  strict?: boolean | undefined;
  /** Where bodies wait that do not fit in 64 MiB; default: the system's directory for temporary files. */
  tempDir?: string | undefined;
  /** Where bodies are kept instead. */
  store?: Store | undefined;
  /** The first slices, where an earlier run has cut them. */
  cuts?: readonly EarlierCut[] | undefined;
  /** Told of each slice when it is cut. */
  onCut?: ((slice: Slice) => void | Promise<void>) | undefined;
  /** Told of what is worth a warning. */
  warn?: ((message: string) => void) | undefined;
}

/** Slices on their way, and what became of them so far. */
export interface PostureSlices extends AsyncIterable<ProvenSlice> {
  readonly counts: SliceCounts;
}

/** Where the input pauses so long, what waits to be packed goes out as it is. */
const patienceMs = 5000;
const longestTimerMs = 2 ** 31 - 1;

/**
 * Posture of policies and hosts, a slice at a time, each proven whole before it is handed over.
 *
 * Takes   gateway   undefined: only what the store has kept
 *         input     policies and host ids; read as slices are asked for
 * Yields  slices as they are proven: in the order of the input with one request in flight; read a slice's `blocks()` before
 *         the next is taken
 * Limits  `concurrency` requests in flight, concurrency + 1 slices waiting, 64 MiB of memory for them
 * Throws  PCRS_USAGE for options that do not go together; see Fetch; what was handed over stands
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
    concurrency: options.concurrency ?? 2,
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

/** What the input would ask of the gateway at a rate; nothing is asked. */
export async function posturePlan(
  input: AsyncIterable<PolicyHosts> | Iterable<PolicyHosts>,
  rate: { requests: number; seconds: number },
  options: PostureOptions = {},
): Promise<Plan> {
  const { cutter } = slicing(options);
  return plan(slices(toAsync(input), cutter, longestTimerMs), rate);
}

/**
 * Posture records of policies and hosts, parsed and typed; numbers that a double would change keep their digits (see pcrs-records/json).
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
  const limits = {
    hostsPerRequest: options.hostsPerRequest ?? 1000,
    policiesPerRequest: options.policiesPerRequest ?? 10,
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
