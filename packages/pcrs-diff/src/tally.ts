import type { Change, Id } from './change-record.ts';
import { type ChangeWord, changeWords } from './change-words.ts';

/** Number of changes of each kind. */
export type ChangeCounts = Record<ChangeWord, number>;

/** A policy, host, control or criticality, with its changes. */
export interface Group {
  readonly name: Readonly<Record<string, Id | string | null>>;
  readonly counts: ChangeCounts;
}

const groupings = {
  byPolicy: ({ policyId, policyTitle }: Change) => ({ policyId, policyTitle }),
  byHost: ({ hostId, ip, dns }: Change) => ({ hostId, ip, dns }),
  byControl: ({ controlId, controlStatement }: Change) => ({ controlId, controlStatement }),
  byCriticality: ({ criticality_label }: Change) => ({ criticality_label }),
} as const;

const keys = {
  byPolicy: ({ policyId }: Change) => policyId,
  byHost: ({ hostId }: Change) => hostId,
  byControl: ({ controlId }: Change) => controlId,
  byCriticality: ({ criticality_label }: Change) => criticality_label,
} as const;

export type Grouping = keyof typeof groupings;
export const allGroupings = Object.keys(groupings) as Grouping[];

/**
 * Counts changes as they pass.
 *
 * Limits  memory grows with the policies, hosts and controls that changed, not with the changes
 */
export class Tally {
  readonly counts: ChangeCounts = noCounts();
  readonly #groups: Record<Grouping, Map<unknown, Group>> = {
    byPolicy: new Map(),
    byHost: new Map(),
    byControl: new Map(),
    byCriticality: new Map(),
  };

  add(change: Change): void {
    this.counts[change.change] += 1;
    for (const grouping of allGroupings) {
      // A control added or removed has no host.
      if (grouping === 'byHost' && change.hostId === null) continue;
      const key = keys[grouping](change);
      const known = this.#groups[grouping].get(key);
      const group = known ?? { name: groupings[grouping](change), counts: noCounts() };
      if (known === undefined) this.#groups[grouping].set(key, group);
      group.counts[change.change] += 1;
    }
  }

  /** All changes. */
  get total(): number {
    return totalOf(this.counts);
  }

  /** Number of policies, hosts, … with changes. */
  size(grouping: Grouping): number {
    return this.#groups[grouping].size;
  }

  /** Those with the most new failures first, then those with the most changes, then by id. */
  top(grouping: Grouping, count: number): Group[] {
    return [...this.#groups[grouping]]
      .sort(
        ([a, one], [b, other]) =>
          other.counts.newly_failed - one.counts.newly_failed ||
          totalOf(other.counts) - totalOf(one.counts) ||
          compareIds(a, b),
      )
      .slice(0, count)
      .map(([, group]) => group);
  }
}

function noCounts(): ChangeCounts {
  return Object.fromEntries(changeWords.map((word) => [word, 0])) as ChangeCounts;
}

function totalOf(counts: ChangeCounts): number {
  return changeWords.reduce((sum, word) => sum + counts[word], 0);
}

/** Numbers by value, before texts. */
function compareIds(a: unknown, b: unknown): number {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'bigint') return -1;
  if (typeof b === 'bigint') return 1;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
