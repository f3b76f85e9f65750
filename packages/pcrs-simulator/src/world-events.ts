import { hash } from './hash.ts';
import type { WorldSize } from './world-size.ts';

/** A deliberate event, besides the world's daily changes. Days are days of the world; policies and hosts by index. */
export type WorldEvent =
  /** Every evaluation on that day is `Error`. */
  | { kind: 'error-night'; day: number }
  /** From that day on every record has another id. */
  | { kind: 'reissue'; day: number }
  | { kind: 'rename' | 'remove'; day: number; policy: number }
  /** The policy gains controls, or some of its controls fail on every host; the policy is evaluated on that day. */
  | { kind: 'controls' | 'break'; day: number; policy: number; count: number }
  /** A share of the failures is `PassedE`, as evaluated from the day on and before the end. */
  | { kind: 'except'; day: number; end: number; share: number }
  /**
   * A share of the hosts, or that many of the first day's last ones, is missing from the day on and before the end.
   */
  | { kind: 'away'; day: number; end: number; share: number };

const forms: Readonly<Record<WorldEvent['kind'], { pattern: RegExp; form: string }>> = {
  'error-night': { pattern: /^(\d+)$/, form: 'DAY' },
  reissue: { pattern: /^(\d+)$/, form: 'DAY' },
  rename: { pattern: /^(\d+):(\d+)$/, form: 'DAY:POLICY' },
  remove: { pattern: /^(\d+):(\d+)$/, form: 'DAY:POLICY' },
  controls: { pattern: /^(\d+):(\d+):(\d+)$/, form: 'DAY:POLICY:COUNT' },
  break: { pattern: /^(\d+):(\d+):(\d+)$/, form: 'DAY:POLICY:COUNT' },
  except: { pattern: /^(\d+)-(\d+):(\d+(?:\.\d+)?)$/, form: 'DAY-DAY:SHARE' },
  away: { pattern: /^(\d+)-(\d+):(\d+(?:\.\d+)?)$/, form: 'DAY-DAY:SHARE' },
};

/** The forms of `--event`, for its help. */
export const eventForms = Object.entries(forms).map(([kind, { form }]) => `${kind}=${form}`);

/**
 * `controls=3:0:20` as an event: on day 3 the policy with index 0 gains 20 controls.
 *
 * Throws  `must be …` if the text is not an event
 */
export function parseEvent(text: string): WorldEvent {
  const [kind = '', rest = ''] = text.split(/=(.*)/s);
  const known = Object.hasOwn(forms, kind) ? forms[kind as WorldEvent['kind']] : undefined;
  const found = known?.pattern.exec(rest)?.slice(1).map(Number);
  if (found === undefined)
    throw new Error(`must be ${known ? `${kind}=${known.form}` : eventForms.join(', ')}`);
  const [day, second, third] = found as [number, number, number];
  switch (kind as WorldEvent['kind']) {
    case 'error-night':
    case 'reissue':
      return { kind: kind as 'reissue', day };
    case 'rename':
    case 'remove':
      return { kind: kind as 'remove', day, policy: second };
    case 'controls':
    case 'break':
      return { kind: kind as 'break', day, policy: second, count: third };
    default:
      return { kind: kind as 'away', day, end: second, share: third };
  }
}

/** The events of a world, as its parts need them. */
export class WorldEvents {
  readonly #size: WorldSize;
  readonly #past: readonly WorldEvent[];

  constructor(size: WorldSize) {
    this.#size = size;
    this.#past = size.events.filter(({ day }) => day <= size.day);
  }

  /** How many times all records got new ids. */
  get reissues(): number {
    return this.#past.filter(({ kind }) => kind === 'reissue').length;
  }

  /** Whether a policy was renamed or removed by today. */
  befell(kind: 'rename' | 'remove', policy: number): boolean {
    return this.#past.some((event) => event.kind === kind && event.policy === policy);
  }

  /** Whether a policy was changed on that day, and so evaluated on all its hosts. */
  changes(policy: number, day: number): boolean {
    return this.#past.some(
      (event) =>
        (event.kind === 'controls' || event.kind === 'break') && event.policy === policy && event.day === day,
    );
  }

  /** Number of controls that a policy gained by a day of the world. */
  gained(policy: number, day: number): number {
    const gains = this.#past.map((event) =>
      event.kind === 'controls' && event.policy === policy && event.day <= day ? event.count : 0,
    );
    return gains.reduce((sum, count) => sum + count, 0);
  }

  /** The world's day since which a policy's control fails everywhere; Infinity if it does not. */
  brokenSince(policy: number, control: number): number {
    const days = this.#past.map((event) =>
      event.kind === 'break' && event.policy === policy && control < event.count ? event.day : Infinity,
    );
    return Math.min(Infinity, ...days);
  }

  isErrorNight(day: number): boolean {
    return this.#past.some((event) => event.kind === 'error-night' && event.day === day);
  }

  /** Whether a failing posture with this luck is an exception on that day. */
  isExcepted(luck: number, day: number): boolean {
    return this.#past.some(
      (event) =>
        event.kind === 'except' &&
        event.day <= day &&
        day < event.end &&
        hash(luck, event.day, 0, 71) % 1000 < event.share * 1000,
    );
  }

  /** Whether a host is missing today. */
  isAway(host: number): boolean {
    const { day, hosts, seed } = this.#size;
    return this.#past.some((event) => {
      if (event.kind !== 'away' || day >= event.end) return false;
      if (event.share >= 1) return host < hosts && host >= hosts - event.share;
      return hash(seed, host, event.day, 72) % 1000 < event.share * 1000;
    });
  }
}
