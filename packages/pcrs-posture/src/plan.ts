import type { Slice } from './slices.ts';

/** Size of an extraction, from its input. */
export interface Plan {
  kind: 'plan';
  slices: number;
  /** One per slice, without retries. */
  requests: number;
  /** Policies with hosts, each once. */
  policies: number;
  /** Each once. */
  hosts: number;
  /** Policy–host pairs. */
  pairs: number;
  /** Time that the rate alone takes. */
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
