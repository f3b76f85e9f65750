import { createHash } from 'node:crypto';

/** Host ids of one policy, in postureInfo's form: all ids are digits. */
export interface PolicyHosts {
  policyId: string;
  /** Undefined if the input has none; it is then not sent. */
  subscriptionId: string | undefined;
  hostIds: readonly string[];
}

/** The content of one request. */
export interface Slice {
  /** From 1, in input order; halves keep the number of their slice. */
  number: number;
  /** Key of the request: the same path, parameters, policies and hosts have the same key in every run. */
  key: string;
  policies: readonly PolicyHosts[];
  /** Policy–host pairs: host ids of all policies together. */
  hosts: number;
  /** Body of the request. */
  body: string;
  /** Cut before it was full, because no more input came. */
  waited: boolean;
}

export interface SliceLimits {
  /** Host ids per request, all policies together. */
  hostsPerRequest: number;
  /** 1 to 10: the gateway's limit. */
  policiesPerRequest: number;
}

/** A slice as an earlier run cut it. */
export interface EarlierCut {
  hosts: number;
  /** Cut before it was full, during a pause or at the end of the input. */
  waited: boolean;
}

/** The first slice is small, so that the first records come soon. */
export const firstSliceHosts = 20;

/**
 * Cuts policies and their hosts into slices: packs small policies together, splits big ones, keeps the order of host
 * ids.
 *
 * Takes  scope   path and query of the requests, for the keys
 *        cuts    the first slices as an earlier run cut them; the limits apply from there on
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

  /** Host ids waiting in a partly filled slice. */
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

  /** The last, partly filled slice. */
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

/** The two halves of a slice, by hosts; none for one policy–host pair. */
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
 * Limits  if the input pauses for `patienceMs`, a partly filled slice goes out
 * Throws  whatever the input throws, once the partly filled slice has gone out
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

/** The promise's value, or undefined after `ms`. */
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
