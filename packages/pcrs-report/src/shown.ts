/**
 * Numbers, dates and texts as the page shows them: always English, so that equal input gives equal bytes on any
 * machine.
 */

import { counted } from 'pcrs-records/counted';

const whole = new Intl.NumberFormat('en-US');

/** `12,345` */
export function count(value: number): string {
  return whole.format(value);
}

/** `76.7 %`; `–` for a rate of nothing; 100 and 0 only if nothing fails, or nothing passes. */
export function percent(rate: number | null): string {
  if (rate === null) return '–';
  const text = rate.toFixed(1);
  if (text === '100.0') return rate === 100 ? '100 %' : '99.9 %';
  if (text === '0.0') return rate === 0 ? '0 %' : '0.1 %';
  return `${text} %`;
}

/** `+0.18`, `−1.13`, `±0.00`: a difference of rates in percentage points. */
export function points(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return `${Number(digits) === 0 ? '±' : value > 0 ? '+' : '−'}${digits}`;
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `26 Nov 2026`, UTC. */
export function day(moment: string): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return moment;
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** `26 Nov 2026, 05:30 UTC` */
export function minute(moment: string): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return moment;
  return `${day(moment)}, ${date.toISOString().slice(11, 16)} UTC`;
}

/** `1 day`, `5 days`, `20 hours`: between two runs. */
export function between(from: string, to: string): string {
  const hours = Math.round((Date.parse(to) - Date.parse(from)) / 3_600_000);
  return hours < 36 && hours !== 24 ? counted(hours, 'hour') : counted(Math.round(hours / 24), 'day');
}

/**
 * A text of the gateway's made safe to look at: control characters and direction marks would show something other
 * than what is there, so each becomes U+FFFD.
 */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    '\ufffd',
  );
}
