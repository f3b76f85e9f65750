/** Counts of characters that were changed in elements. */
export interface Replaced {
  /** Raw control characters in strings, written as escapes. */
  controlCharacters: number;
  /** Invalid UTF-8, written as U+FFFD. */
  invalidUtf8: number;
}

/** `escaped 2 raw control characters`; undefined if nothing was replaced. */
export function replacedWords({ controlCharacters, invalidUtf8 }: Replaced): string | undefined {
  const some = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const words = [
    ...(controlCharacters > 0 ? [`escaped ${some(controlCharacters, 'raw control character')}`] : []),
    ...(invalidUtf8 > 0 ? [`replaced ${some(invalidUtf8, 'invalid UTF-8 sequence')} by U+FFFD`] : []),
  ];
  return words.length === 0 ? undefined : words.join(', ');
}
