import { endsText, fourOf, hasZero, type Words, wordsOf } from './words.ts';

/** What a place of a record's JSON holds. */
export const form = {
  absent: 0,
  /** A number, a boolean, or a text without escapes: the bytes are the text. */
  plain: 1,
  /** Such a text with the marked byte in it. */
  marked: 2,
  /** A text with escapes other than \u. */
  escaped: 3,
  /** A text with \u. */
  unicode: 4,
  /** The empty text. */
  empty: 5,
  null: 6,
  /** An object or an array. */
  nested: 7,
} as const;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** What the letter of an escape stands for; 0 for one that is none. */
export const unescaped = new Uint8Array(256);
for (const [letter, text] of Object.entries({
  ...{ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' },
})) {
  unescaped[letter.charCodeAt(0)] = text.charCodeAt(0);
}

/** Classes of the bytes of a string; 0 for those that are just text. */
const [marks, closes, escapes, forbidden] = [1, 2, 3, 4];
const maxDepth = 100;

/**
 * Proves JSON values in UTF-8 bytes, strictly as JSON.parse does, and tells where they end.
 *
 * A value is proven only as far as the bytes go on after it: what is scanned must end in a line feed, which stands
 * in no string.
 */
export class JsonScan {
  /** The form of the value that was proven last. */
  form = 0;
  readonly #classes = new Uint8Array(256);
  readonly #fourMarks: number;
  #bytes: Uint8Array = new Uint8Array();
  #words: Words = wordsOf(this.#bytes);

  /** Takes `mark`, a byte that is told of where it stands in a text. */
  constructor(mark: number) {
    this.#classes.fill(forbidden, 0, 0x20);
    if (mark >= 0x20) this.#classes[mark] = marks;
    this.#classes[quote] = closes;
    this.#classes[backslash] = escapes;
    this.#fourMarks = fourOf(mark);
  }

  /** The words of bytes that are being scanned. */
  words(bytes: Uint8Array): Words {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = wordsOf(bytes);
    }
    return this.#words;
  }

  /** The place after the value that begins at `at`, or -1 where there is none. */
  value(bytes: Uint8Array, at: number, depth = 0): number {
    const first = bytes[at] as number;
    if (first === quote) return this.string(bytes, at);
    if (first === openBrace || first === openBracket) {
      const end = depth >= maxDepth ? -1 : this.#nested(bytes, at, depth);
      this.form = form.nested;
      return end;
    }
    if (first === 0x6e) {
      this.form = form.null;
      return word(bytes, at, 'null');
    }
    this.form = form.plain;
    if (first === 0x74) return word(bytes, at, 'true');
    if (first === 0x66) return word(bytes, at, 'false');
    return number(bytes, at);
  }

  /** The place after the string whose opening quote is at `at`, or -1. */
  string(bytes: Uint8Array, at: number): number {
    const classes = this.#classes;
    const words = this.words(bytes);
    const lastWord = words.byteLength - 4;
    let found = form.plain as number;
    for (let place = at + 1; ; place += 1) {
      for (; place <= lastWord; place += 4) {
        const word = words.getInt32(place);
        if (endsText(word)) break;
        if (found === form.plain && hasZero(word ^ this.#fourMarks)) found = form.marked;
      }
      let kind = classes[bytes[place] as number] as number;
      for (; kind <= marks; kind = classes[bytes[place] as number] as number) {
        if (kind === marks && found === form.plain) found = form.marked;
        place += 1;
      }
      if (kind === closes) {
        this.form = place === at + 1 ? form.empty : found;
        return place + 1;
      }
      if (kind === escapes) {
        place += 1;
        const escaped = bytes[place] as number;
        if (escaped === 0x75) {
          if (!isHex(bytes, place + 1)) return -1;
          found = form.unicode;
          place += 4;
        } else if (unescaped[escaped] !== 0) {
          if (found !== form.unicode) found = form.escaped;
        } else return -1;
      } else return -1;
    }
  }

  #nested(bytes: Uint8Array, at: number, depth: number): number {
    const object = bytes[at] === openBrace;
    const close = object ? closeBrace : closeBracket;
    let place = skipSpace(bytes, at + 1);
    if (bytes[place] === close) return place + 1;
    for (;;) {
      if (object) {
        place = bytes[place] === quote ? this.string(bytes, place) : -1;
        if (place < 0) return -1;
        place = skipSpace(bytes, place);
        if (bytes[place] !== colon) return -1;
        place = skipSpace(bytes, place + 1);
      }
      place = this.value(bytes, place, depth + 1);
      if (place < 0) return -1;
      place = skipSpace(bytes, place);
      if (bytes[place] === close) return place + 1;
      if (bytes[place] !== comma) return -1;
      place = skipSpace(bytes, place + 1);
    }
  }
}

/** The first place from `at` on that is no space; a line has no other white space than space, tab and CR. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  if ((bytes[at] as number) > 0x20) return at;
  let place = at;
  while (bytes[place] === 0x20 || bytes[place] === 0x09 || bytes[place] === 0x0d) place += 1;
  return place;
}

function word(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 1; index < text.length; index += 1) {
    if (bytes[at + index] !== text.charCodeAt(index)) return -1;
  }
  return at + text.length;
}

function number(bytes: Uint8Array, at: number): number {
  let place = bytes[at] === 0x2d ? at + 1 : at;
  place = bytes[place] === 0x30 ? place + 1 : digits(bytes, place);
  if (place > 0 && bytes[place] === 0x2e) place = digits(bytes, place + 1);
  if (place > 0 && (bytes[place] === 0x65 || bytes[place] === 0x45)) {
    const sign = bytes[place + 1];
    place = digits(bytes, sign === 0x2b || sign === 0x2d ? place + 2 : place + 1);
  }
  return place;
}

/** The place after one digit or more, or -1. */
function digits(bytes: Uint8Array, at: number): number {
  let place = at;
  while (isDigit(bytes[place] as number)) place += 1;
  return place === at ? -1 : place;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(bytes: Uint8Array, at: number): boolean {
  for (let place = at; place < at + 4; place += 1) {
    const byte = bytes[place] as number;
    const letter = byte | 0x20;
    if (!isDigit(byte) && !(letter >= 0x61 && letter <= 0x66)) return false;
  }
  return true;
}
