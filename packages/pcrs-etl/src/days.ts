/** `7d` → milliseconds; a flag's parser. */
export function parseDays(text: string): number {
  const days = /^(\d{1,4})d?$/.exec(text)?.[1];
  if (days === undefined || Number(days) < 1) throw new Error('must be days like 7d');
  return Number(days) * 86_400_000;
}
