import type { RawJson } from 'pcrs-records/json';

/** What was changed in cells on their way, counted. */
export interface CellChanges {
  /** Texts that a spreadsheet would take for a formula got an apostrophe in front. */
  formulas: number;
  /** Texts whose NUL became U+FFFD. */
  nuls: number;
  /** Texts whose lone surrogates became U+FFFD. */
  surrogates: number;
}

/** What a spreadsheet takes for the start of a formula, in a text. */
const formula = /^[=+\-@\t\r]/;

/**
 * A value as the text of a cell, still without quotes; null for an empty cell.
 *
 * Takes   neutral  texts that look like formulas get an apostrophe in front; numbers are left alone
 * Yields  null for null and absent, '' for the empty text; numbers with the digits they came with; booleans as
 *         `true` and `false`; objects and arrays as JSON
 * Throws  RangeError for a value nested deeper than the engine can follow
 */
export function cellText(value: unknown, neutral: boolean, changes: CellChanges): string | null {
  switch (typeof value) {
    case 'string':
      return plainText(value, neutral, changes);
    case 'number':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return null;
      return JSON.isRawJSON(value) ? (value as RawJson).rawJSON : JSON.stringify(value);
    default:
      return null;
  }
}

function plainText(value: string, neutral: boolean, changes: CellChanges): string {
  let text = value;
  if (text.includes('\0')) {
    text = text.replaceAll('\0', '\ufffd');
    changes.nuls += 1;
  }
  if (!text.isWellFormed()) {
    text = text.toWellFormed();
    changes.surrogates += 1;
  }
  if (neutral && formula.test(text)) {
    text = `'${text}`;
    changes.formulas += 1;
  }
  return text;
}
