const units = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90m`, `26h`, `7d` → milliseconds. Throws a sentence. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0)
    throw new Error('must be minutes, hours or days like 90m, 26h or 7d');
  return Number(count) * units[unit as keyof typeof units];
}

/** Checks a duration flag and returns its text unchanged. */
export function checkDuration(text: string): string {
  durationMs(text);
  return text;
}

/** Milliseconds in words, in the two largest units: `12 s`, `5 min`, `3 h 20 min`, `4 d 2 h`. */
export function durationWords(ms: number): string {
  if (ms < units.m) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (ms < units.h) return `${Math.floor(ms / units.m)} min`;
  if (ms < 2 * units.d) return both(ms, units.h, 'h', units.m, 'min');
  return both(ms, units.d, 'd', units.h, 'h');
}

/** The same in all its units, rounded up to a second: `2 d 40 min 1 s`. */
export function durationInFull(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const days = ms < 2 * units.d ? 0 : Math.floor(seconds / 86_400);
  const counts = [
    [days, 'd'],
    [Math.floor(seconds / 3600) - 24 * days, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  return counts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : [])).join(' ') || '0 s';
}

function both(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}
