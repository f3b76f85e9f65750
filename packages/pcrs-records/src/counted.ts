/**
 * A number with its noun: `1 policy`, `2,000 policies`.
 *
 * Takes  plural  for nouns that do not end in -s or -ies
 */
export function counted(value: number, noun: string, plural = pluralOf(noun)): string {
  return `${value.toLocaleString('en-US')} ${value === 1 ? noun : plural}`;
}

function pluralOf(noun: string): string {
  return noun.endsWith('y') && !noun.endsWith('ay') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
