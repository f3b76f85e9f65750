/**
 * A number with its noun: `1 policy`, `2,000 policies`.
 *
 * Takes  plural  for nouns that do not end in -s or -ies
 */
export function counted(value: number, noun: string, plural = pluralOf(noun)): string {
  return `${withCommas(value)} ${value === 1 ? noun : plural}`;
}

/** A whole number with commas between thousands. `toLocaleString` would first load its tables, for 30 ms. */
export function withCommas(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

function pluralOf(noun: string): string {
  return noun.endsWith('y') && !noun.endsWith('ay') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
