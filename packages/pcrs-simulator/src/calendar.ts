const DAY_MS = 86_400_000;
const texts = new Map<number, string>();

/** `YYYY-MM-DD` of a day, counted in days since 1970. */
export function dayText(day: number): string {
  let text = texts.get(day);
  if (text === undefined) {
    text = new Date(day * DAY_MS).toISOString().slice(0, 10);
    texts.set(day, text);
  }
  return text;
}

/** `hh:mm:ss` of a second of the day. */
export function clockText(second: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${two(second / 3600)}:${two((second / 60) % 60)}:${two(second % 60)}`;
}

/**
 * The instant that a gateway parameter names, in ms since 1970; undefined for anything else.
 *
 * Takes   `YYYY-MM-DD` (midnight UTC) or `YYYY-MM-DDThh:mm:ssZ`
 * Source  Qualys PCRS, the date parameters of all three calls
 */
export function parseInstant(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$/.test(text)) return undefined;
  const ms = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text);
  if (Number.isNaN(ms)) return undefined;
  return new Date(ms).toISOString().startsWith(text.slice(0, 10)) ? ms : undefined;
}

/** Ms since 1970 of a day and a second of that day. */
export function instant(day: number, second: number): number {
  return day * DAY_MS + second * 1000;
}

/** The day of an instant, since 1970. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}
