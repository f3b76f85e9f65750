import { forms } from 'pcrs-sink/places';
import type { Members } from 'pcrs-sink/table';

/** SQLite's input for a value. A number is bound as a float; an INTEGER column makes an integer of it. */
export type Bound = string | number | bigint | null;

/** Type of a column; one that a record added is untyped. */
export type ColumnType = 'INTEGER' | 'TEXT' | 'ANY';

/** Counts of changed or unusual values. */
export interface ValueCounts {
  /** Texts in which half of a surrogate pair became U+FFFD. */
  loneSurrogates: number;
  /** Texts that hold NUL; kept, but SQLite's length() ends there. */
  nulCharacters: number;
}

const wholeNumber = /^(?:0|-?[1-9]\d*)$/;
/** Text that SQLite would read as a number, and so store differently, in an INTEGER column. */
const looksNumeric = /^[ \t-\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t-\r]*$/;
const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);

/**
 * A member as SQLite stores it: as received. Nested members and booleans stay JSON text, numbers become integers in
 * INTEGER columns and digits in TEXT ones; in untyped ones they are integers up to 2^63-1, floats if a float gives
 * the digits back, and digits otherwise.
 *
 * Takes   a column present in the record
 * Throws  RangeError, a sentence without its subject, if the column cannot hold it
 */
export function boundOf(record: Members, column: number, type: ColumnType, counts: ValueCounts): Bound {
  const found = record.form(column);
  if (found === forms.null) return null;
  if (found === forms.integer && type !== 'TEXT') {
    const whole = integerAt(record.bytes, record.start(column), record.end(column));
    return type === 'INTEGER' ? whole : BigInt(whole);
  }
  const text = record.text(column) as string;
  if (found >= forms.escaped) return type === 'INTEGER' ? textAsInteger(text) : sound(text, counts);
  if (type === 'TEXT') return text;
  if (found === forms.number) return type === 'INTEGER' ? toInteger(text) : numberAsItIs(text);
  return type === 'INTEGER' && found >= forms.string ? textAsInteger(text) : text;
}

/** An integer of at most 15 digits. */
function integerAt(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === 0x2d;
  let value = 0;
  for (let place = negative ? start + 1 : start; place < end; place += 1) {
    value = value * 10 + (bytes[place] as number) - 0x30;
  }
  return negative ? -value : value;
}

/** Checks a text that had escapes: only these can hold NUL or half a surrogate pair. */
function sound(text: string, counts: ValueCounts): string {
  if (text.includes('\0')) counts.nulCharacters += 1;
  if (text.isWellFormed()) return text;
  counts.loneSurrogates += 1;
  return text.toWellFormed();
}

/** Digits as an integer; other text stays text, unless SQLite would read it as a number. */
function textAsInteger(text: string): Bound {
  if (wholeNumber.test(text)) return toInteger(text);
  if (looksNumeric.test(text)) throw new RangeError(`must be a whole number, got ${JSON.stringify(text)}`);
  return text;
}

/** Digits as an integer. Throws RangeError. */
export function toInteger(digits: string): number | bigint {
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
