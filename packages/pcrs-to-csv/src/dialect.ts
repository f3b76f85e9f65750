import { codedError } from 'pcrs-records/errors';
import type { CellDialect } from './cells.ts';

export interface DialectOptions {
  /** Separator of cells: one character (not a quote, line break or NUL), or `tab`; default a comma. */
  delimiter?: string | undefined;
  /** For spreadsheets: byte order mark, CRLF, and neutral formulas. */
  excel?: boolean | undefined;
}

/** Form of rows: RFC 4180, in UTF-8. */
export interface Dialect extends CellDialect {
  /** Start of the text. */
  readonly mark: string;
  readonly lineEnd: string;
}

/**
 * Opens a dialect of CSV.
 *
 * Throws  PCRS_USAGE for a delimiter that readers could not tell from cells
 */
export function openDialect({ delimiter = ',', excel = false }: DialectOptions): Dialect {
  return {
    delimiter: delimiterOf(delimiter),
    mark: excel ? '\ufeff' : '',
    lineEnd: excel ? '\r\n' : '\n',
    neutral: excel,
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
