import { dayOf } from './calendar.ts';
import type { WorldEvent } from './world-events.ts';

/** Everything that decides a world; two worlds of the same size are the same to the byte. */
export interface WorldSize {
  readonly seed: number;
  readonly policies: number;
  readonly hosts: number;
  readonly controls: number;
  /**
   * Exactly this many hosts in each policy that has any, as far as there are hosts; 0: about nine in ten of those
   * that match.
   */
  readonly hostsPerPolicy: number;
  /** Days since the world began: statuses change, hosts appear and vanish. */
  readonly day: number;
  /** The day on which the world began, since 1970. */
  readonly firstDay: number;
  readonly events: readonly WorldEvent[];
  readonly customerUuid: string;
  readonly subscriptionId: number;
}

/** The options that decide the world. */
export interface WorldOptions {
  seed?: number | undefined;
  policies?: number | undefined;
  hosts?: number | undefined;
  controls?: number | undefined;
  hostsPerPolicy?: number | undefined;
  day?: number | undefined;
  /** The date on which the world began, `YYYY-MM-DD`. */
  start?: string | undefined;
  /** Deliberate events, besides the daily changes. */
  events?: readonly WorldEvent[] | undefined;
}

/**
 * A complete size from options.
 *
 * Limits  0 to 100,000 policies, 1 to 5,000,000 hosts, 1 to 1000 controls, days 0 to 3650: record ids stay below 2^53
 * Throws  PCRS_USAGE for a number out of bounds
 */
export function worldSize(options: WorldOptions): WorldSize {
  const seed = within('seed', options.seed ?? 1, 0, 2 ** 31 - 1);
  const start = Date.parse(`${options.start ?? '2026-11-22'}T00:00:00Z`);
  if (Number.isNaN(start)) throw usage(`start must be a date like 2026-11-22, got ${options.start}`);
  return {
    seed,
    policies: within('policies', options.policies ?? 12, 0, 100_000),
    hosts: within('hosts', options.hosts ?? 60, 1, 5_000_000),
    controls: within('controls', options.controls ?? 30, 1, 1000),
    hostsPerPolicy: within('hostsPerPolicy', options.hostsPerPolicy ?? 0, 0, 5_000_000),
    day: within('day', options.day ?? 0, 0, 3650),
    firstDay: dayOf(start),
    events: options.events ?? [],
    customerUuid: `00000000-0000-4000-8000-${String(seed).padStart(12, '0')}`,
    subscriptionId: 263_190 + seed,
  };
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`${name} must be a whole number from ${least} to ${most}, got ${value}`);
}

/** A caller's error, with the suite's code. */
export function usage(message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code: 'PCRS_USAGE' });
}
