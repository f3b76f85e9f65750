import { decoded } from './byte-lines.ts';

/** What SQLite is given for a value. A number is bound as a float; an INTEGER column makes an integer of it. */
export type Bound = string | number | bigint | null;

/** Of a gateway column, or of one that a record brought: untyped. */
export type ColumnType = 'INTEGER' | 'TEXT' | 'ANY';

/** What happened to values on their way; each is counted where it happens. */
export interface ValueCounts {
  /** Texts in which half of a surrogate pair became U+FFFD. */
  loneSurrogates: number;
  /** Texts that hold NUL; kept, but SQLite's length() ends there. */
  nulCharacters: number;
}

/** What a byte text holds that is not the text itself. */
const needsWork = /[\\\u0000-\u001f\u0080-\u00ff]/;
const needsParsing = /[\\\u0000-\u001f]/;
const wholeNumber = /^(?:0|-?[1-9]\d*)$/;
/** What SQLite would take for a number, and so store otherwise than it came, in an INTEGER column. */
const looksNumeric = /^[ \t-\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t-\r]*$/;
const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);

/**
 * A member's JSON text as SQLite stores it: as received. Nested members and booleans stay JSON text, numbers
 * become integers in INTEGER columns and digits in TEXT ones; in untyped ones they are integers up to 2^63-1,
 * floats where a float gives the digits back, and else digits.
 *
 * Takes   raw  a byte text
 * Throws  SyntaxError where the text is no JSON; RangeError, a sentence without its subject, where the column cannot hold it
 */
export function toBound(raw: string, type: ColumnType, counts: ValueCounts): Bound {
  switch (raw.charCodeAt(0)) {
    case 0x22: {
      const text = stringOf(raw, counts);
      return type === 'INTEGER' ? textAsInteger(text) : text;
    }
    case 0x6e:
      return null;
    case 0x74:
    case 0x66:
      return raw;
    case 0x7b:
    case 0x5b:
      JSON.parse(raw);
      return decoded(raw);
  }
  if (type === 'TEXT') return raw;
  return type === 'INTEGER' ? toInteger(raw) : numberAsItIs(raw);
}

function stringOf(raw: string, counts: ValueCounts): string {
  if (!needsWork.test(raw)) return raw.slice(1, -1);
  const json = decoded(raw);
  if (!needsParsing.test(json)) return json.slice(1, -1);
  const text = JSON.parse(json) as string;
  if (text.includes('\0')) counts.nulCharacters += 1;
  if (text.isWellFormed()) return text;
  counts.loneSurrogates += 1;
  return text.toWellFormed();
}

/** Digits as an integer; other text stays text, unless SQLite would read a number into it. */
function textAsInteger(text: string): Bound {
  if (wholeNumber.test(text)) return toInteger(text);
  if (looksNumeric.test(text)) throw new RangeError(`must be a whole number, got ${JSON.stringify(text)}`);
  return text;
}

function toInteger(digits: string): number | bigint {
  if (!wholeNumber.test(digits)) throw new RangeError(`must be a whole number, got ${digits}`);
  if (digits.length < 16) return Number(digits);
  const integer = BigInt(digits);
  if (integer > largest || integer < smallest) {
    throw new RangeError(`must be at most 2^63-1 (SQLite's limit), got ${digits}`);
  }
  return integer;
}

function numberAsItIs(raw: string): Bound {
  if (wholeNumber.test(raw)) {
    const integer = BigInt(raw);
    return integer <= largest && integer >= smallest ? integer : raw;
  }
  const float = Number(raw);
  return Number.isFinite(float) && String(float) === raw ? float : raw;
}
