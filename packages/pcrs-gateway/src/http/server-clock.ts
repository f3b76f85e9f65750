import type { HttpHeaders } from './exchange.ts';

/** A larger difference spoils dates and token ends; network delay stays far below it. */
const toleranceMs = 5 * 60_000;

/** The gateway's clock minus ours, from the `Date` header of the answer to a request sent at `sentMs`. */
export function clockAheadMs(headers: HttpHeaders, sentMs: number, now: number): number | undefined {
  const saidMs = Date.parse(String(headers['date'] ?? ''));
  return Number.isNaN(saidMs) ? undefined : saidMs - (sentMs + now) / 2;
}

/** The warning about this machine's clock; undefined if it is right to within `withinMs`. */
export function clockWarning(aheadMs: number | undefined, withinMs = toleranceMs): string | undefined {
  if (aheadMs === undefined || Math.abs(aheadMs) <= withinMs) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const side = aheadMs > 0 ? 'behind' : 'ahead of';
  return `the clock of this machine is ${minutes} min ${side} the gateway's: tokens seem to expire at the wrong time, and 7d means another date; set it (NTP)`;
}

/** Compares this machine's clock with the gateway's, and warns once. */
export class ServerClock {
  readonly #warn: (message: string) => void;
  #warned = false;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Takes an answer's headers, and when its request was sent. */
  compare(headers: HttpHeaders, sentMs: number): void {
    const warning = this.#warned ? undefined : clockWarning(clockAheadMs(headers, sentMs, Date.now()));
    if (warning === undefined) return;
    this.#warned = true;
    this.#warn(warning);
  }
}
