/** Counts of characters that were changed in elements. */
export interface Replaced {
  /** Raw control characters in strings, written as escapes. */
  controlCharacters: number;
  /** Invalid UTF-8, written as U+FFFD. */
  invalidUtf8: number;
}

/** `2 raw control characters were written as escapes`; undefined if nothing was replaced. */
export function replacedWords({ controlCharacters, invalidUtf8 }: Replaced): string | undefined {
  const words = [
    ...(controlCharacters > 0 ? [`${controlCharacters} raw control characters were written as escapes`] : []),
    ...(invalidUtf8 > 0 ? [`${invalidUtf8} invalid UTF-8 sequences were replaced by U+FFFD`] : []),
  ];
  return words.length === 0 ? undefined : words.join(', ');
}
