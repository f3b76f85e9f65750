const BACKSLASH = 0x5c;
const QUOTE = 0x22;
/** "kind" with each letter spelled as an escape of six characters is the longest way to write it. */
const LONGEST_NAME = 24;
const VALUE_BYTES = 80;

/**
 * Whether a string of an element's own level is the name of a member "kind", and of what value.
 *
 * Takes   from   bytes from the string's opening quote on
 *         last   there are no more bytes
 * Yields  its value (the JSON text, its first 80 bytes), 'no', or 'more' where more bytes have to be seen
 */
export function findKind(from: Uint8Array, last: boolean): { value: string } | 'no' | 'more' {
  const end = nameEnd(from);
  if (end === undefined) return from.length > LONGEST_NAME + 1 ? 'no' : 'more';
  if (!spellsKind(Buffer.from(from.buffer, from.byteOffset + 1, end - 1))) return 'no';
  let at = end + 1;
  while (at < from.length && from[at]! <= 0x20) at++;
  if (at === from.length) return 'more';
  if (from[at] !== 0x3a) return 'no';
  const text = Buffer.from(from.subarray(at + 1, at + 1 + 2 * VALUE_BYTES)).toString();
  const whole = /^\s*("(?:[^"\\]|\\.)*"|[^\s"[{,}\]]+(?=[\s,}\]]))/s.exec(text)?.[1];
  const value = (whole ?? text.trim()).slice(0, VALUE_BYTES);
  const enough =
    whole !== undefined || value.length === VALUE_BYTES || /^[{[]/.test(value) || (last && value !== '');
  return enough ? { value } : 'more';
}

function nameEnd(from: Uint8Array): number | undefined {
  for (let at = 1; at < from.length && at <= LONGEST_NAME + 1; at++) {
    if (from[at] === BACKSLASH) at++;
    else if (from[at] === QUOTE) return at;
  }
  return undefined;
}

function spellsKind(name: Buffer): boolean {
  if (!name.includes(BACKSLASH)) return name.toString('latin1') === 'kind';
  try {
    return JSON.parse(`"${name}"`) === 'kind';
  } catch {
    return false;
  }
}
