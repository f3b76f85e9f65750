/** Bytes read four at a time, as a word, at any place. Words are compared, so that the order of their bytes is all one. */
export type Words = DataView<ArrayBufferLike>;

/** The words of bytes, in the same memory. */
export function wordsOf(bytes: Uint8Array): Words {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A word whose four bytes are the same. */
export function fourOf(byte: number): number {
  return Math.imul(byte, 0x01010101);
}

const fourQuotes = fourOf(0x22);
/** Four backslashes. */
export const fourBackslashes = fourOf(0x5c);
const fourSpaces = fourOf(0x20);
const ones = fourOf(1);
const highBits = fourOf(0x80);

/** Whether a byte of a word is zero. Source: Bit Twiddling Hacks (S. E. Anderson). */
export function hasZero(word: number): boolean {
  return ((word - ones) & ~word & highBits) !== 0;
}

/** Whether a byte of a word may not stand for itself in a JSON string: a quote, a backslash, a control character. */
export function endsText(word: number): boolean {
  const quotes = word ^ fourQuotes;
  const backslashes = word ^ fourBackslashes;
  const found =
    ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) | ((word - fourSpaces) & ~word);
  return (found & highBits) !== 0;
}

/** Whether bytes go on with a text at a place. */
export function startsWith(words: Words, at: number, text: Words): boolean {
  const last = text.byteLength - 4;
  if (last < 0 || at + text.byteLength > words.byteLength) return startsShort(words, at, text);
  for (let index = 0; index < last; index += 4) {
    if (words.getInt32(at + index) !== text.getInt32(index)) return false;
  }
  return words.getInt32(at + last) === text.getInt32(last);
}

function startsShort(words: Words, at: number, text: Words): boolean {
  if (at + text.byteLength > words.byteLength) return false;
  for (let index = 0; index < text.byteLength; index += 1) {
    if (words.getUint8(at + index) !== text.getUint8(index)) return false;
  }
  return true;
}
