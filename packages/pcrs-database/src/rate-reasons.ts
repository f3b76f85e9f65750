import { counted, withCommas } from 'pcrs-records/counted';

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
  const inPolicies = counted(policies, 'policy');
  const onHosts = `${counted(controls, 'control')} on ${counted(hosts, 'host')}`;
  const all = counted(postures, 'posture');
  switch (reason) {
    case 'newly_failed':
      return `${withCommas(postures)} newly failed: ${onHosts}`;
    case 'fixed':
      return `${withCommas(postures)} fixed: ${onHosts}`;
    case 'exceptions':
      return `${counted(postures, 'exception')} granted or ended: ${onHosts}`;
    case 'errors':
      return `${counted(postures, 'error')} came or went: ${onHosts}`;
    case 'controls_added':
      return `${counted(controls, 'control')} added to ${inPolicies}: ${all}`;
    case 'controls_removed':
      return `${counted(controls, 'control')} removed from ${inPolicies}: ${all}`;
    case 'hosts_joined':
      return `${counted(hosts, 'host')} joined ${inPolicies}: ${all}`;
    case 'hosts_left':
      return `${counted(hosts, 'host')} left ${inPolicies}: ${all}`;
    case 'policies_added':
      return `${inPolicies} added: ${all}`;
    case 'policies_removed':
      return `${inPolicies} removed: ${all}`;
    case 'other':
      return `${all} appeared or vanished alone`;
  }
}
