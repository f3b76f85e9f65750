import { forms } from './places.ts';

const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SMALL_U = 0x75;

/** Meaning of each escape letter. */
const ESCAPES = Uint8Array.from({ length: 128 }, (_, byte) => byte);
for (const [letter, byte] of Object.entries({ b: 8, t: 9, n: 10, f: 12, r: 13 }))
  ESCAPES[letter.charCodeAt(0)] = byte;

/**
 * The text of a value: a string's characters, any other value's JSON.
 *
 * Takes   start, endAndForm   a value's two words; see places.ts
 */
export function textOf(bytes: Buffer, start: number, endAndForm: number): string {
  const end = endAndForm >> 4;
  const form = endAndForm & 15;
  if (form >= forms.escaped)
    return JSON.parse(`"${bytes.toString(form & 1 ? 'utf8' : 'latin1', start, end)}"`);
  return bytes.toString(form >= forms.nested && form & 1 ? 'utf8' : 'latin1', start, end);
}

/** The number of a value with form `integer`. */
export function integerOf(bytes: Uint8Array, start: number, endAndForm: number): number {
  const end = endAndForm >> 4;
  const negative = bytes[start] === 0x2d;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + bytes[at]! - 0x30;
  return negative ? -value : value;
}

/**
 * Copies a string to `target`, unescaped, in UTF-8; a lone surrogate becomes U+FFFD.
 *
 * Takes   start, end   a string that a scan has proven
 *         target       has room for end - start bytes from `at` on: unescaped text is never longer
 * Yields  the place in `target` after the last byte
 */
export function unescapedInto(
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = bytes[from]!;
    if (byte !== BACKSLASH) target[to++] = byte;
    else if (bytes[++from] === SMALL_U) {
      let code = hex(bytes, from + 1);
      from += 4;
      if (isHigh(code) && bytes[from + 1] === BACKSLASH && bytes[from + 2] === SMALL_U) {
        const low = hex(bytes, from + 3);
        if ((low & 0xfc00) === 0xdc00) {
          code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
          from += 6;
        }
      }
      to = putUtf8(target, to, (code & 0xf800) === 0xd800 && code < 0x10000 ? 0xfffd : code);
    } else target[to++] = ESCAPES[bytes[from]!]!;
  }
  return to;
}

function isHigh(code: number): boolean {
  return (code & 0xfc00) === 0xd800;
}

/** The value of four hexadecimal digits. */
function hex(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; at < start + 4; at++) {
    const byte = bytes[at]!;
    value = (value << 4) | ((byte & 0x0f) + (byte > 0x39 ? 9 : 0));
  }
  return value;
}

function putUtf8(target: Uint8Array, at: number, code: number): number {
  let to = at;
  if (code < 0x80) target[to++] = code;
  else if (code < 0x800) target[to++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) target[to++] = 0xe0 | (code >> 12);
    else {
      target[to++] = 0xf0 | (code >> 18);
      target[to++] = 0x80 | ((code >> 12) & 0x3f);
    }
    target[to++] = 0x80 | ((code >> 6) & 0x3f);
  }
  if (code >= 0x80) target[to++] = 0x80 | (code & 0x3f);
  return to;
}

/**
 * The top-level elements of an array that a scan has proven.
 *
 * Takes   start, endAndForm   the two words of a value whose first byte is [
 * Yields  start and end of each in turn; strings with their quotes
 */
export function elementsOf(bytes: Uint8Array, start: number, endAndForm: number): number[] {
  const close = (endAndForm >> 4) - 1;
  const places: number[] = [];
  let depth = 0;
  let from = afterWhite(bytes, start + 1);
  if (from === close) return places;
  for (let at = from; at <= close; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = closingQuote(bytes, at);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (depth === 0 && (byte === COMMA || at === close)) {
      let end = at;
      while (bytes[end - 1]! <= BLANK) end--;
      places.push(from, end);
      from = afterWhite(bytes, at + 1);
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
  }
  return places;
}

function afterWhite(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at]! <= BLANK) at++;
  return at;
}

function closingQuote(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  for (; bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at;
}
