/** A difference that spoils dates and the ends of tokens; what the network takes is far below it. */
const toleranceMs = 5 * 60_000;

/** The gateway's clock minus ours, by the `Date` header of an answer to what was sent at `sentMs`. */
export function clockAheadMs(
  headers: Record<string, string | string[] | undefined>,
  sentMs: number,
  now: number,
): number | undefined {
  const saidMs = Date.parse(String(headers['date'] ?? ''));
  return Number.isNaN(saidMs) ? undefined : saidMs - (sentMs + now) / 2;
}

/** What is wrong with this machine's clock, in a sentence; undefined where it is right to `withinMs`. */
export function clockWarning(aheadMs: number | undefined, withinMs = toleranceMs): string | undefined {
  if (aheadMs === undefined || Math.abs(aheadMs) <= withinMs) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const side = aheadMs > 0 ? 'behind' : 'ahead of';
  return `the clock of this machine is ${minutes} min ${side} the gateway's: tokens seem to end at the wrong time, and 7d means another date; set it (NTP)`;
}

/** Compares this machine's clock with the gateway's, and warns once. */
export class ServerClock {
  readonly #warn: (message: string) => void;
  #warned = false;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Takes the headers of an answer, and when its request was sent. */
  compare(headers: Record<string, string | string[] | undefined>, sentMs: number): void {
    const warning = this.#warned ? undefined : clockWarning(clockAheadMs(headers, sentMs, Date.now()));
    if (warning === undefined) return;
    this.#warned = true;
    this.#warn(warning);
  }
}
