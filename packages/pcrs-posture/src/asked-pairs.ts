import type { PolicyHosts } from './slices.ts';

/** The policy–host pairs of a slice, and the number of records outside them. */
export class AskedPairs {
  /** Records of a pair that was not asked for, or without a pair. */
  foreign = 0;
  /** The pair of the first one. */
  firstForeign: string | undefined;
  readonly #hosts = new Map<string, Set<string>>();
  #last: { policyId: string | undefined; hostId: string | undefined; asked: boolean } | undefined;

  constructor(policies: readonly PolicyHosts[]) {
    for (const { policyId, hostIds } of policies) {
      const hosts = this.#hosts.get(policyId);
      if (hosts === undefined) this.#hosts.set(policyId, new Set(hostIds));
      else for (const hostId of hostIds) hosts.add(hostId);
    }
  }

  /** Takes a record's ids as digits; records of one pair mostly come in a row. */
  readonly see = (policyId: string | undefined, hostId: string | undefined): void => {
    const last = this.#last;
    if (last !== undefined && last.hostId === hostId && last.policyId === policyId) {
      if (!last.asked) this.foreign += 1;
      return;
    }
    const asked = this.#hosts.get(policyId ?? '')?.has(hostId ?? '') === true;
    this.#last = { policyId, hostId, asked };
    if (asked) return;
    this.foreign += 1;
    this.firstForeign ??= `policy ${policyId ?? 'unknown'}, host ${hostId ?? 'unknown'}`;
  };
}
