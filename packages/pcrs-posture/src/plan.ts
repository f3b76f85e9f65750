import type { Slice } from './slices.ts';

/** What the input would ask of the gateway. */
export interface Plan {
  kind: 'plan';
  slices: number;
  /** One a slice, as long as none is asked for again. */
  requests: number;
  /** With hosts; each once. */
  policies: number;
  /** Each once. */
  hosts: number;
  /** Policy–host pairs. */
  pairs: number;
  /** What the rate alone takes. */
  leastSeconds: number;
}

/** Counts slices without asking for any. */
export async function plan(
  slices: AsyncIterable<Slice>,
  rate: { requests: number; seconds: number },
): Promise<Plan> {
  const policies = new Set<string>();
  const hosts = new Set<string>();
  let count = 0;
  let pairs = 0;
  for await (const slice of slices) {
    count += 1;
    pairs += slice.hosts;
    for (const policy of slice.policies) {
      policies.add(policy.policyId);
      for (const host of policy.hostIds) hosts.add(host);
    }
  }
  return {
    kind: 'plan',
    slices: count,
    requests: count,
    policies: policies.size,
    hosts: hosts.size,
    pairs,
    leastSeconds: count === 0 ? 0 : Math.floor((count - 1) / rate.requests) * rate.seconds,
  };
}
