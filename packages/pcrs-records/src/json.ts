/**
 * JSON in and out, with every digit kept.
 *
 * V8 can give the source text of a number while it parses (`context.source`) and write raw text back
 * (`JSON.rawJSON`), but asking for either makes parsing five times slower. So each line is checked first;
 * only a line that may hold a number that a double would change is parsed the slow way.
 */
declare global {
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
  }
}

/** A number that a double would change, kept as its own text. */
export interface RawJson {
  readonly rawJSON: string;
}

/**
 * A number of 16 digits or more, with a fraction or an exponent, or -0. Also matches some strings
 * (`cpe:/o:redhat:linux:9.4`).
 */
const mayLoseDigits = /[:[,]\s*(?:-0|-?\d(?:\d{15}|\d*[.eE]))/;

const strings = /"[^"\\]*(?:\\.[^"\\]*)*"/gs;
/** In a longer text, a string with many escapes would overflow the regular expression's stack. */
const maxCheckedLength = 1 << 20;

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && context.source !== undefined && String(value) !== context.source
    ? JSON.rawJSON(context.source)
    : value;

/**
 * Parses a JSON text; numbers that a double would change become `RawJson`, which `JSON.stringify` writes back
 * unchanged.
 *
 * Throws  SyntaxError
 */
export function parseExact(text: string): unknown {
  return losesDigits(text)
    ? JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown)
    : JSON.parse(text);
}

function losesDigits(text: string): boolean {
  if (/^\s*-?\d/.test(text)) return true;
  if (!mayLoseDigits.test(text)) return false;
  return text.length > maxCheckedLength || mayLoseDigits.test(text.replace(strings, '""'));
}

/** An id as digits, from a JSON number or a string of digits; undefined for anything else. */
export function toDigits(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (JSON.isRawJSON(value)) return /^\d+$/.test(value.rawJSON) ? value.rawJSON : undefined;
  return typeof value === 'string' && /^\d+$/.test(value) ? value : undefined;
}
