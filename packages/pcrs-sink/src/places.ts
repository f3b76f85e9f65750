import { forms } from 'pcrs-json/places';

export { forms };

/** A member or an element: the place of its value, its form, and the name between its quotes. */
export interface Place {
  form: number;
  start: number;
  end: number;
  nameStart: number;
  nameEnd: number;
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBrace = 0x7d;
const closeBracket = 0x5d;

/**
 * Places of the contents of an object or an array, in order; repeated members appear twice.
 *
 * Takes  bytes  proven JSON; for anything else the places are meaningless
 *        at     the place of the opening bracket
 */
export function placesIn(bytes: Uint8Array, at: number): Place[] {
  const places: Place[] = [];
  const object = bytes[at] === openBrace;
  let place = skipSpace(bytes, at + 1);
  while (place < bytes.length && bytes[place] !== closeBrace && bytes[place] !== closeBracket) {
    let [nameStart, nameEnd] = [0, 0];
    if (object) {
      nameStart = place + 1;
      nameEnd = stringEnd(bytes, nameStart);
      place = skipSpace(bytes, skipSpace(bytes, nameEnd + 1) + 1);
    }
    const end = valueEnd(bytes, place);
    const inside = bytes[place] === quote ? 1 : 0;
    const [start, last] = [place + inside, end - inside];
    places.push({ form: formOf(bytes, start, last, inside === 1), start, end: last, nameStart, nameEnd });
    place = skipSpace(bytes, end);
    if (bytes[place] === comma) place = skipSpace(bytes, place + 1);
  }
  return places;
}

/** The name of a member. */
export function nameAt(bytes: Buffer, { nameStart, nameEnd }: Place): string {
  return JSON.parse(bytes.toString('utf8', nameStart - 1, nameEnd + 1)) as string;
}

/** The first place from `at` on that is not white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let place = at;
  while (bytes[place] === 0x20 || bytes[place] === 0x09 || bytes[place] === 0x0d || bytes[place] === 0x0a) {
    place += 1;
  }
  return place;
}

/** The place of the closing quote of the string whose text begins at `at`. */
function stringEnd(bytes: Uint8Array, at: number): number {
  let place = at;
  while (place < bytes.length && bytes[place] !== quote) place += bytes[place] === backslash ? 2 : 1;
  return place;
}

/** The place after a value. */
function valueEnd(bytes: Uint8Array, at: number): number {
  let place = at;
  let depth = 0;
  do {
    const byte = bytes[place];
    if (byte === quote) place = stringEnd(bytes, place + 1);
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      // The bracket that closes the parent of this value.
      if (depth === 0) return place;
      depth -= 1;
    } else if (depth === 0) {
      while (place < bytes.length && isWord(bytes[place] as number)) place += 1;
      return place;
    }
    place += 1;
  } while (depth > 0 && place < bytes.length);
  return place;
}

/** Whether a byte belongs to a number or a literal. */
function isWord(byte: number): boolean {
  return byte > 0x20 && byte !== comma && byte !== closeBrace && byte !== closeBracket;
}

function formOf(bytes: Uint8Array, start: number, end: number, isString: boolean): number {
  const first = bytes[start];
  if (isString || first === openBrace || first === openBracket) {
    let [wide, escapes] = [0, 0];
    for (let place = start; place < end; place += 1) {
      if ((bytes[place] as number) >= 0x80) wide = 1;
      else if (bytes[place] === backslash) escapes = 2;
    }
    return isString ? forms.string + escapes + wide : forms.nested + wide;
  }
  if (first === 0x6e) return forms.null;
  if (first === 0x66) return forms.false;
  if (first === 0x74) return forms.true;
  return isInteger(bytes, start, end) ? forms.integer : forms.number;
}

function isInteger(bytes: Uint8Array, start: number, end: number): boolean {
  const digits = bytes[start] === 0x2d ? start + 1 : start;
  if (end - digits > 15 || (digits > start && bytes[digits] === 0x30)) return false;
  for (let place = digits; place < end; place += 1) {
    if ((bytes[place] as number) < 0x30 || (bytes[place] as number) > 0x39) return false;
  }
  return true;
}
