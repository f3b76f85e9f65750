import { stringify } from 'csv-stringify/sync';
import { codedError } from 'pcrs-records/errors';
import type { FastDialect } from './fast-cells.ts';

export interface DialectOptions {
  /** Between cells: one character (not a quote, line break or NUL), or `tab`; default a comma. */
  delimiter?: string | undefined;
  /** For spreadsheets: byte order mark, CRLF, and neutral formulas. */
  excel?: boolean | undefined;
}

/** A cell that is not yet quoted; null is a cell without anything, '' one that holds the empty text. */
export type Cell = string | null;

/** None of them stands in a number, a boolean or JSON's own marks but the comma and the tab. */
const fastDelimiters = ',;|\t';

/** How rows become text. */
export interface Dialect {
  /** What the text begins with. */
  readonly mark: string;
  readonly neutral: boolean;
  /** Where rows can be written from bytes too. */
  readonly fast: FastDialect | undefined;
  /** Whole rows with their line ends. */
  render(rows: readonly (readonly Cell[])[]): string;
}

/**
 * Opens a dialect of CSV: RFC 4180 quoting by csv-stringify, in UTF-8.
 *
 * Throws  PCRS_USAGE for a delimiter that no reader could tell from the cells
 */
export function openDialect(options: DialectOptions): Dialect {
  const excel = options.excel ?? false;
  const delimiter = delimiterOf(options.delimiter ?? ',');
  const settings = {
    delimiter,
    record_delimiter: excel ? '\r\n' : '\n',
    // A lone \r or \n is a line's end to some readers, whatever ours is.
    quote_record_delimiter: true,
    // The empty text is quoted, so that it differs from a cell without anything.
    quoted_match: /^$/,
  };
  return {
    mark: excel ? '\ufeff' : '',
    neutral: excel,
    fast: fastDelimiters.includes(delimiter)
      ? { delimiter: delimiter.charCodeAt(0), crlf: excel, neutral: excel }
      : undefined,
    render: (rows) => stringify(rows as Cell[][], settings),
  };
}

function delimiterOf(text: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  if ([...delimiter].length === 1 && delimiter.isWellFormed() && !/["\r\n\0\ufeff\ufffd]/.test(delimiter)) {
    return delimiter;
  }
  throw codedError(
    'PCRS_USAGE',
    `--delimiter must be one character other than a quote or a line break, or tab, got ${JSON.stringify(text)}`,
  );
}
