/** Reasons why a pass rate differs between two runs; each differing posture has one. */
export const rateReasons = [
  'newly_failed',
  'fixed',
  'exceptions',
  'errors',
  'controls_added',
  'controls_removed',
  'hosts_joined',
  'hosts_left',
  'policies_added',
  'policies_removed',
  'other',
] as const;
export type RateReason = (typeof rateReasons)[number];

/** One reason's share of the difference. */
export interface RatePart {
  reason: RateReason;
  /** Percentage points, to four decimals; all parts add up to the change exactly. */
  points: number;
  postures: number;
  policies: number;
  controls: number;
  /** Not counted for controls that were added or removed. */
  hosts?: number;
}

/** A part in words: `172 newly failed: 94 controls on 48 hosts`, `20 controls added to 1 policy: 940 postures`. */
export function partWords({ reason, postures, policies, hosts = 0, controls }: RatePart): string {
  const many = (count: number, noun: string, plural = `${noun}s`) =>
    `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
  const inPolicies = many(policies, 'policy', 'policies');
  const onHosts = `${many(controls, 'control')} on ${many(hosts, 'host')}`;
  const all = many(postures, 'posture');
  switch (reason) {
    case 'newly_failed':
      return `${postures.toLocaleString('en-US')} newly failed: ${onHosts}`;
    case 'fixed':
      return `${postures.toLocaleString('en-US')} fixed: ${onHosts}`;
    case 'exceptions':
      return `${many(postures, 'exception')} granted or ended: ${onHosts}`;
    case 'errors':
      return `${many(postures, 'error')} came or went: ${onHosts}`;
    case 'controls_added':
      return `${many(controls, 'control')} added to ${inPolicies}: ${all}`;
    case 'controls_removed':
      return `${many(controls, 'control')} removed from ${inPolicies}: ${all}`;
    case 'hosts_joined':
      return `${many(hosts, 'host')} joined ${inPolicies}: ${all}`;
    case 'hosts_left':
      return `${many(hosts, 'host')} left ${inPolicies}: ${all}`;
    case 'policies_added':
      return `${inPolicies} added: ${all}`;
    case 'policies_removed':
      return `${inPolicies} removed: ${all}`;
    case 'other':
      return `${all} appeared or vanished alone`;
  }
}
