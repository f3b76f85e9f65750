import { wholeSeconds } from './moments.ts';

/**
 * A date filter as the gateway takes it.
 *
 * Takes   text  `YYYY-MM-DD`, `YYYY-MM-DDThh:mm:ssZ`, or relative: `7d`, `36h`
 *         from  start of a relative date: the session's start, else the tool's
 * Yields  the text itself, or `YYYY-MM-DDThh:mm:ssZ` for a relative one
 * Throws  a sentence for a usage error
 */
export function resolveDate(text: string, from: Date): string {
  const relative = /^(\d{1,5})([dh])$/.exec(text);
  if (relative) {
    const hours = Number(relative[1]) * (relative[2] === 'd' ? 24 : 1);
    return wholeSeconds(new Date(from.getTime() - hours * 3_600_000));
  }
  checkDate(text);
  return text;
}

/**
 * Checks a date filter without resolving it, for the flag table.
 *
 * Throws  a sentence for a usage error
 */
export function checkDate(text: string): string {
  if (/^\d{1,5}[dh]$/.test(text)) return text;
  const day = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}:\d{2}Z)?$/.exec(text);
  const date = day ? new Date(day[0].length === 10 ? `${text}T00:00:00Z` : text) : undefined;
  if (!day || !date || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== day[1]) {
    throw new Error('must be YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative like 7d or 36h');
  }
  return text;
}
