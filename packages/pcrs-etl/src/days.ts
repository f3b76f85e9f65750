const dayMs = 86_400_000;

/** `7d` → milliseconds. */
export function daysMs(text: string): number {
  return Number.parseInt(text, 10) * dayMs;
}

/** A flag's parser: `7d`, or `7`. */
export function checkDays(text: string): string {
  if (!/^[1-9]\d{0,3}d?$/.test(text)) throw new Error('must be days like 7d');
  return text;
}
