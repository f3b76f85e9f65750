import { createHash } from 'node:crypto';

/** Host ids of one policy, as postureInfo is asked for them: all ids are digits. */
export interface PolicyHosts {
  policyId: string;
  /** Undefined where the input has none; then it is not sent. */
  subscriptionId: string | undefined;
  hostIds: readonly string[];
}

/** What one request asks for. */
export interface Slice {
  /** From 1, in the order of the input; the halves of a slice keep its number. */
  number: number;
  /** Names the question: the same path, parameters, policies and hosts have the same key in every run. */
  key: string;
  policies: readonly PolicyHosts[];
  /** Policy–host pairs: host ids of all policies together. */
  hosts: number;
  /** The request's body. */
  body: string;
  /** It was cut before it was full, because no more input came. */
  waited: boolean;
}

export interface SliceLimits {
  /** Host ids in one body, all policies together. */
  hostsPerRequest: number;
  /** 1 to 10: the gateway's limit. */
  policiesPerRequest: number;
}

/** How an earlier run has cut a slice. */
export interface EarlierCut {
  hosts: number;
  /** It was not full: more input was waited for, or the input's end. */
  waited: boolean;
}

/** The first slice is small, so that the first records come soon. */
export const firstSliceHosts = 20;

/**
 * Cuts policies and their hosts into slices: small policies are packed together, big ones are cut, host ids keep their order.
 *
 * Takes  scope   path and query of the requests, for the keys
 *        cuts    the first slices, where an earlier run has cut them already; the limits hold from there on
 */
export class SliceCutter {
  /** Slices cut so far. */
  count = 0;
  readonly #limits: SliceLimits;
  readonly #scope: string;
  readonly #cuts: readonly EarlierCut[];
  #policies: PolicyHosts[] = [];
  #hosts = 0;

  constructor(limits: SliceLimits, scope: string, cuts: readonly EarlierCut[] = []) {
    this.#limits = limits;
    this.#scope = scope;
    this.#cuts = cuts;
  }

  /** Host ids that wait for more to be packed with. */
  get waiting(): number {
    return this.#hosts;
  }

  /** Adds a policy's hosts; yields each slice as soon as it is full. */
  *push(policy: PolicyHosts): Generator<Slice> {
    const { hostIds } = policy;
    for (let at = 0; at < hostIds.length; ) {
      if (this.#hosts === this.#size()) yield this.#cut(true);
      const end = Math.min(hostIds.length, at + this.#size() - this.#hosts);
      this.#policies.push({ ...policy, hostIds: hostIds.slice(at, end) });
      this.#hosts += end - at;
      at = end;
      if (this.#isFull()) yield this.#cut(false);
    }
  }

  /** The rest, however little. */
  *flush(): Generator<Slice> {
    if (this.#hosts > 0) yield this.#cut(true);
  }

  #size(): number {
    const { hostsPerRequest } = this.#limits;
    const first = Math.min(firstSliceHosts, hostsPerRequest);
    return this.#cuts[this.count]?.hosts ?? (this.count === 0 ? first : hostsPerRequest);
  }

  #isFull(): boolean {
    const earlier = this.#cuts[this.count];
    if (earlier !== undefined) return this.#hosts === earlier.hosts && !earlier.waited;
    return this.#hosts === this.#size() || this.#policies.length === this.#limits.policiesPerRequest;
  }

  #cut(waited: boolean): Slice {
    const policies = this.#policies;
    this.#policies = [];
    this.#hosts = 0;
    this.count += 1;
    return { ...toSlice(this.count, policies, this.#scope), waited };
  }
}

/** The two halves of a slice, by hosts; a slice of one policy–host pair has none. */
export function halves(slice: Slice, scope: string): readonly Slice[] {
  if (slice.hosts < 2) return [];
  const first: PolicyHosts[] = [];
  const second: PolicyHosts[] = [];
  let room = Math.ceil(slice.hosts / 2);
  for (const policy of slice.policies) {
    const taken = Math.min(room, policy.hostIds.length);
    room -= taken;
    if (taken > 0) first.push({ ...policy, hostIds: policy.hostIds.slice(0, taken) });
    if (taken < policy.hostIds.length) second.push({ ...policy, hostIds: policy.hostIds.slice(taken) });
  }
  return [toSlice(slice.number, first, scope), toSlice(slice.number, second, scope)];
}

/**
 * Slices of a stream of policies, each as soon as it is full.
 *
 * Limits  where the input pauses for `patienceMs`, what waits to be packed goes out as it is
 * Throws  what the input throws, once what waits to be packed has gone out
 */
export async function* slices(
  input: AsyncIterable<PolicyHosts>,
  cutter: SliceCutter,
  patienceMs: number,
): AsyncGenerator<Slice> {
  const source = input[Symbol.asyncIterator]();
  let failure: { error: unknown } | undefined;
  const read = (): Promise<IteratorResult<PolicyHosts>> =>
    source.next().catch((error: unknown) => {
      failure = { error };
      return { done: true, value: undefined };
    });
  let next = read();
  try {
    for (;;) {
      const result = cutter.waiting === 0 ? await next : await within(next, patienceMs);
      if (result === undefined) yield* cutter.flush();
      else if (result.done) break;
      else {
        yield* cutter.push(result.value);
        next = read();
      }
    }
    yield* cutter.flush();
    if (failure !== undefined) throw failure.error;
  } finally {
    await source.return?.();
  }
}

/** The promise's value, or undefined once `ms` have passed. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function toSlice(number: number, policies: readonly PolicyHosts[], scope: string): Slice {
  const body = JSON.stringify(policies);
  return {
    number,
    key: createHash('sha256').update(`${scope}\n${body}`).digest('hex').slice(0, 32),
    policies,
    hosts: policies.reduce((sum, policy) => sum + policy.hostIds.length, 0),
    body,
    waited: false,
  };
}
