import { clockText, dayText, instant } from './calendar.ts';
import { hash, pick } from './hash.ts';
import type { Hosts } from './hosts.ts';
import { SLOTS, type Technology } from './technologies.ts';
import { benchmarks, units } from './titles.ts';
import { WorldEvents } from './world-events.ts';
import type { WorldSize } from './world-size.ts';

/** A policy of the world. */
export interface Policy {
  readonly index: number;
  readonly id: number;
  /** The world's day on which it was made; 0 for the original policies. */
  readonly born: number;
  readonly title: string;
  readonly technologies: readonly Technology[];
  /** The slots of matching hosts, ascending. */
  readonly slots: readonly number[];
  readonly active: boolean;
  /** If false, never evaluated: it has no date and no hosts. */
  readonly evaluated: boolean;
  readonly failing: number;
}

const EVALUATION_SECOND = 19_800;

/** Interval between new policies. */
const DAYS_PER_POLICY = 3;
/** From this day on some policies lack their first control. */
const CONTROL_TAKEN_OUT = 4;

/**
 * The policies of a world and their hosts. As days pass a few are deleted (each eighth, on day 2 to 4), new ones
 * appear, and some lose a control.
 */
export class Policies {
  readonly list: readonly Policy[];
  readonly #size: WorldSize;
  readonly #hosts: Hosts;
  readonly #events: WorldEvents;
  readonly #byId: Map<string, Policy>;

  constructor(size: WorldSize, hosts: Hosts) {
    this.#size = size;
    this.#hosts = hosts;
    this.#events = new WorldEvents(size);
    const length = size.policies + Math.floor(size.day / DAYS_PER_POLICY);
    const all = Array.from({ length }, (_, index) => this.#renamed(policyAt(size, index)));
    this.list = all.filter(
      ({ index }) =>
        (index % 8 !== 6 || index >= size.policies || size.day < 2 + (index % 3)) &&
        !this.#events.befell('remove', index),
    );
    this.#byId = new Map(this.list.map((policy) => [String(policy.id), policy]));
  }

  #renamed(policy: Policy): Policy {
    return this.#events.befell('rename', policy.index)
      ? { ...policy, title: `${policy.title} (renamed)` }
      : policy;
  }

  byId(id: string): Policy | undefined {
    return this.#byId.get(id);
  }

  /** Whether the policy is evaluated on a day of the world after the first. */
  evaluatedOn(policy: Policy, day: number): boolean {
    if (!policy.active || !policy.evaluated || day < policy.born) return false;
    if (this.#events.changes(policy.index, day)) return true;
    return day === policy.born || hash(this.#size.seed, policy.index, day, 21) % 4 !== 0;
  }

  /** Age of the policy's latest evaluation on day 0, in days. */
  evaluationAge(policy: Policy): number {
    const luck = hash(this.#size.seed, policy.index, 0, 22);
    return policy.active ? (luck % 4 === 0 ? luck % 9 : 0) : 180 + (luck % 500);
  }

  /** The day of the policy's latest evaluation, since 1970. */
  lastEvaluationDay(policy: Policy): number {
    for (let day = this.#size.day; day > 0; day--) {
      if (this.evaluatedOn(policy, day)) return this.#size.firstDay + day;
    }
    return this.#size.firstDay - this.evaluationAge(policy);
  }

  /** The policy's latest evaluation in ms since 1970; undefined if there was none. */
  lastEvaluation(policy: Policy): number | undefined {
    return policy.evaluated ? instant(this.lastEvaluationDay(policy), EVALUATION_SECOND) : undefined;
  }

  /** Whether a host is in a policy: it runs the policy's technology, and the policy takes it. */
  holds(policy: Policy, index: number): boolean {
    if (!policy.evaluated || !policy.slots.includes(index % SLOTS)) return false;
    if (this.#events.isAway(index)) return false;
    const born = Math.max(this.#hosts.born(index), policy.born);
    if (born > 0 && this.firstEvaluationSince(policy, born) === undefined) return false;
    const { seed, hostsPerPolicy } = this.#size;
    if (hostsPerPolicy === 0) return index < SLOTS || hash(seed, policy.index, index, 23) % 11 !== 0;
    const { offset, total } = this.#window(policy);
    const rank = this.#rank(policy, index);
    return (rank + total - offset) % total < hostsPerPolicy;
  }

  /** The first day from `day` to today on which the policy is evaluated. */
  firstEvaluationSince(policy: Policy, day: number): number | undefined {
    for (let on = day; on <= this.#size.day; on++) if (this.evaluatedOn(policy, on)) return on;
    return undefined;
  }

  /** The policy's first control on a day since 1970. */
  firstControl(policy: Policy, day: number): number {
    return policy.index % 6 === 2 && day >= this.#size.firstDay + CONTROL_TAKEN_OUT ? 1 : 0;
  }

  /** The indexes of a policy's hosts, ascending. */
  *hostIndexes(policy: Policy): Generator<number> {
    if (policy.slots.length === 0 || !policy.evaluated) return;
    const { first, end } = this.#hosts;
    for (let base = Math.floor(first / SLOTS) * SLOTS; base < end; base += SLOTS) {
      for (const slot of policy.slots) {
        const index = base + slot;
        if (index >= first && index < end && this.holds(policy, index)) yield index;
      }
    }
  }

  /** The policy as in the list, as a JSON text. */
  text(policy: Policy, tags: 'tagInfo' | 'requireTagInfo' | 'flat' | undefined): string {
    const { seed } = this.#size;
    const luck = hash(seed, policy.index, 1, 24);
    const at = this.lastEvaluation(policy);
    const { firstDay } = this.#size;
    const created = policy.born > 0 ? firstDay + policy.born : firstDay - 900 - (luck % 2000);
    const modified = policy.born > 0 ? created : created + 100 + ((luck >>> 6) % 700);
    const members = {
      id: policy.id,
      title: policy.title,
      createdBy: `acme_${pick(['ab1', 'mk4', 'jd2'], luck)}`,
      createdDate: `${dayText(created)}T${clockText(luck % 86_400)}Z`,
      modifiedBy: `acme_${pick(['ab2', 'mk4', 'zz9'], luck >>> 4)}`,
      modifiedDate: `${dayText(modified)}T${clockText((luck >>> 3) % 86_400)}Z`,
      lastEvaluatedDate: at === undefined ? null : `${new Date(at).toISOString().slice(0, 19)}Z`,
      status: policy.active ? 'active' : 'inactive',
      locked: luck % 5 === 0 ? 1 : 0,
    };
    if (tags === undefined) return JSON.stringify(members);
    const info = tagInfo(policy, luck);
    return JSON.stringify(tags === 'flat' ? { ...members, ...info } : { ...members, [tags]: info });
  }

  /** Rank of a host among all that match the policy. */
  #rank(policy: Policy, index: number): number {
    return Math.floor(index / SLOTS) * policy.slots.length + policy.slots.indexOf(index % SLOTS);
  }

  /**
   * With a fixed number of hosts, a policy takes a run of the first day's matching hosts, which wraps at the end. A
   * later host takes the place of the one that made room for it, so the run keeps its length.
   */
  #window({ index, slots }: Policy): { offset: number; total: number } {
    const { hosts, seed } = this.#size;
    const last = slots.filter((slot) => slot < hosts % SLOTS).length;
    const total = Math.max(1, Math.floor(hosts / SLOTS) * slots.length + last);
    return { offset: hash(seed, index, 0, 25) % total, total };
  }
}

function policyAt({ seed, policies }: WorldSize, index: number): Policy {
  const benchmark = pick(benchmarks, index);
  const round = Math.floor(index / benchmarks.length);
  const title = round === 0 ? benchmark.title : `${benchmark.title} - ${unit(round)}`;
  return {
    index,
    born: index < policies ? 0 : (index - policies + 1) * DAYS_PER_POLICY,
    id: 5_772_900 + index * 11 + (hash(seed, index, 0, 26) % 11),
    title,
    technologies: benchmark.technologies,
    slots: [...new Set(benchmark.technologies.flatMap((t) => t.slots))].sort((a, b) => a - b),
    active: index % 10 !== 3 || index >= policies,
    evaluated: index % 50 !== 29,
    failing: benchmark.failing,
  };
}

function unit(round: number): string {
  const again = Math.floor((round - 1) / units.length);
  return again === 0 ? pick(units, round - 1) : `${pick(units, round - 1)} (${again + 1})`;
}

function tagInfo(policy: Policy, luck: number): object {
  const tag = (n: number, name: string) => ({ id: 12_345 + n, name });
  return {
    includeTags: [
      tag(policy.index, policy.technologies[0]?.name ?? ''),
      ...(luck % 3 === 0 ? [tag(900, 'Crown "jewels"')] : []),
    ],
    includeTagsScope: luck % 2 === 0 ? 'ANY' : 'ALL',
    excludeTags: luck % 4 === 0 ? [tag(901, 'Ausnahmen – genehmigt')] : [],
    excludeTagsScope: 'ALL',
  };
}
