import type { HostInBoth, PostureRow } from './host-postures.ts';
import { counted, noOutcomes, type Outcome, type Outcomes, outcome, passRate } from './pass-rate.ts';
import { type RatePart, type RateReason, rateReasons } from './rate-reasons.ts';

/**
 * Two pass rates and the difference, split by reason; rates are percent to four decimals, null if nothing is counted.
 */
export interface RateChange {
  old: number | null;
  new: number | null;
  change: number | null;
  /** Parts with postures, in the order of `rateReasons`. */
  by: RatePart[];
}

/** Effect of some postures on the rate: how many more pass, of how many more that count. */
class Share {
  passing = 0;
  counting = 0;
  postures = 0;
  readonly policies = new Set<bigint>();
  readonly hosts = new Set<bigint>();
  readonly controls = new Set<bigint>();

  /** Counts a status that appeared (1) or disappeared (-1). */
  count(status: string | null, sign: 1 | -1): void {
    const means = outcome(status);
    const passes = means === 'passed' || means === 'excepted';
    if (passes) this.passing += sign;
    if (passes || means === 'failed') this.counting += sign;
  }

  join(other: Share): void {
    this.passing += other.passing;
    this.counting += other.counting;
    this.postures += other.postures;
    for (const name of ['policies', 'hosts', 'controls'] as const) {
      for (const id of other[name]) this[name].add(id);
    }
  }
}

type Side = 'old' | 'new';

/** Postures on only one side, held until the end of their policy shows why. */
class PolicyDifferences {
  readonly policyId: bigint;
  readonly seen = { old: new Set<bigint>(), new: new Set<bigint>() };
  /** Of hosts that only one side has in the policy. */
  readonly ofHosts = { old: new Share(), new: new Share() };
  /** Of hosts that both sides have, by control. */
  readonly ofControls = { old: new Map<bigint, Share>(), new: new Map<bigint, Share>() };

  constructor(policyId: bigint) {
    this.policyId = policyId;
  }

  /** Reasons and shares, once all hosts of the policy have been added. */
  *shares(): Generator<[RateReason, Share]> {
    for (const side of ['old', 'new'] as const) {
      const other = this.seen[side === 'old' ? 'new' : 'old'];
      const came = side === 'new';
      const ofHosts = this.ofHosts[side];
      if (ofHosts.postures > 0 && other.size === 0)
        yield [came ? 'policies_added' : 'policies_removed', ofHosts];
      else if (ofHosts.postures > 0) yield [came ? 'hosts_joined' : 'hosts_left', ofHosts];
      for (const [controlId, share] of this.ofControls[side]) {
        if (other.has(controlId)) yield ['other', share];
        else yield [came ? 'controls_added' : 'controls_removed', share];
      }
    }
  }

  /** Controls that only this side has, though both have the policy. */
  controlsOnlyIn(side: Side): bigint[] {
    const other = this.seen[side === 'old' ? 'new' : 'old'];
    return other.size === 0 ? [] : [...this.seen[side]].filter((id) => !other.has(id));
  }
}

/** Counts the hosts of `besides` as they pass, policy by policy. */
export class RateChangeCount {
  readonly old: Outcomes = noOutcomes();
  readonly new: Outcomes = noOutcomes();
  readonly #shares = new Map<RateReason, Share>();
  readonly #onPolicy: (policy: PolicyDifferences) => void;
  #policy: PolicyDifferences | undefined;

  /** Takes  onPolicy  called with each policy once all its hosts have been added */
  constructor(onPolicy: (policy: PolicyDifferences) => void = () => {}) {
    this.#onPolicy = onPolicy;
  }

  add(host: HostInBoth): void {
    if (host.policyId !== this.#policy?.policyId) {
      this.end();
      this.#policy = new PolicyDifferences(host.policyId);
    }
    for (const posture of host.old?.postures.values() ?? []) this.#count(posture, 'old');
    for (const [identity, posture] of host.new?.postures ?? []) {
      this.#count(posture, 'new');
      const before = host.old?.postures.get(identity);
      if (before !== undefined) this.#compare(before, posture);
      else this.#alone(posture, 'new', host.old !== undefined);
    }
    for (const [identity, posture] of host.old?.postures ?? []) {
      if (!host.new?.postures.has(identity)) this.#alone(posture, 'old', host.new !== undefined);
    }
  }

  /** Ends the last policy. Call after the last host. */
  end(): void {
    if (this.#policy === undefined) return;
    for (const [reason, share] of this.#policy.shares()) this.#share(reason).join(share);
    this.#onPolicy(this.#policy);
    this.#policy = undefined;
  }

  /** The difference; call it last. */
  change(): RateChange {
    this.end();
    const [before, after] = [rateUnits(this.old), rateUnits(this.new)];
    const change = before === null || after === null ? null : after - before;
    const reasons = rateReasons.filter((reason) => this.#shares.has(reason));
    const shares = reasons.map((reason) => this.#shares.get(reason)!);
    const points = change === null ? shares.map(() => 0) : this.#apportioned(shares, change);
    return {
      old: percent(before),
      new: percent(after),
      change: percent(change),
      by: reasons.map((reason, at) => partOf(reason, shares[at]!, points[at]!)),
    };
  }

  /**
   * Each share of the difference, in units. With P of T passing before (0) and after (1), P1/T1 - P0/T0 = sum of (dP
   * - P0/T0 * dT) / T1 over any parts, so their order does not matter. The rest from rounding goes to the parts that
   * lost most by it.
   */
  #apportioned(shares: readonly Share[], change: number): number[] {
    const rate = (this.old.passed + this.old.excepted) / counted(this.old);
    const scale = (100 * unitsAPoint) / counted(this.new);
    return roundedToSum(
      shares.map(({ passing, counting }) => (passing - rate * counting) * scale),
      change,
    );
  }

  #count(posture: PostureRow, side: Side): void {
    this[side][outcome(posture.status)] += 1;
    this.#policy!.seen[side].add(posture.controlId);
  }

  #compare(before: PostureRow, after: PostureRow): void {
    const [was, is] = [outcome(before.status), outcome(after.status)];
    if (was === is) return;
    const share = this.#share(reasonOf(was, is));
    share.count(before.status, -1);
    share.count(after.status, 1);
    touch(share, after);
  }

  #alone(posture: PostureRow, side: Side, hostIsInBoth: boolean): void {
    const { ofHosts, ofControls } = this.#policy!;
    const share = hostIsInBoth ? shareAt(ofControls[side], posture.controlId) : ofHosts[side];
    share.count(posture.status, side === 'new' ? 1 : -1);
    touch(share, posture, !hostIsInBoth);
  }

  #share(reason: RateReason): Share {
    return shareAt(this.#shares, reason);
  }
}

function shareAt<K>(shares: Map<K, Share>, key: K): Share {
  const known = shares.get(key) ?? new Share();
  shares.set(key, known);
  return known;
}

/** Pairs of host and control would be as many as postures, so they are not stored. */
function touch(share: Share, { policyId, hostId, controlId }: PostureRow, withHost = true): void {
  share.postures += 1;
  share.policies.add(policyId);
  share.controls.add(controlId);
  if (withHost) share.hosts.add(hostId);
}

function reasonOf(was: Outcome, is: Outcome): RateReason {
  if (was === 'excepted' || is === 'excepted') return 'exceptions';
  if (is === 'failed') return 'newly_failed';
  if (is === 'passed' && was === 'failed') return 'fixed';
  return 'errors';
}

function partOf(reason: RateReason, share: Share, units: number): RatePart {
  const { postures, policies, controls, hosts } = share;
  const part = {
    reason,
    points: units / unitsAPoint,
    postures,
    policies: policies.size,
    controls: controls.size,
  };
  return hosts.size > 0 ? { ...part, hosts: hosts.size } : part;
}

/** Ten thousandths of a percentage point: whole numbers, which add up exactly. */
const unitsAPoint = 10_000;

function rateUnits(outcomes: Readonly<Outcomes>): number | null {
  const rate = passRate(outcomes);
  return rate === null ? null : Math.round(rate * unitsAPoint);
}

function percent(units: number | null): number | null {
  return units === null ? null : units / unitsAPoint;
}

/**
 * Whole numbers near `exact` whose sum is `sum`: the rest from rounding down goes to the largest remainders.
 *
 * Takes  exact  numbers whose sum differs from `sum` by less than their count
 */
export function roundedToSum(exact: readonly number[], sum: number): number[] {
  const rounded = exact.map(Math.floor);
  const byRemainder = exact
    .map((value, at) => ({ at, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.at - b.at);
  let left = sum - rounded.reduce((all, value) => all + value, 0);
  for (let turn = 0; left !== 0 && byRemainder.length > 0; turn += 1) {
    const place = left > 0 ? turn : byRemainder.length - 1 - turn;
    const { at } = byRemainder.at(place % byRemainder.length)!;
    rounded[at]! += Math.sign(left);
    left -= Math.sign(left);
  }
  return rounded;
}
