/** A flag's parser: `12h` and the like. */
export function checkDuration(text: string): string {
  durationMs(text);
  return text;
}

/** `12h` → milliseconds. */
export function durationMs(text: string): number {
  const [, number, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (number === undefined) throw new Error('must be minutes, hours or days like 90m, 12h or 3d');
  return Number(number) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'm' | 'h' | 'd'];
}
