import { codedError, excerpt } from 'pcrs-records/errors';
import { isObject, type JsonObject } from 'pcrs-records/kinds';
import { type CellChanges, cellText } from './cells.ts';
import {
  askedNames,
  type ColumnOptions,
  type CsvColumn,
  columnValue,
  type Layout,
  layoutOf,
  uncovered,
} from './columns.ts';
import { CsvBytes } from './csv-bytes.ts';
import { type Cell, type Dialect, type DialectOptions, openDialect } from './dialect.ts';
import { FastRows } from './fast-rows.ts';
import { rawOf } from './raw-json.ts';

/** How the CSV of one kind looks. */
export interface TableOptions extends ColumnOptions, DialectOptions {
  /** Members without a column are kept as JSON in a last column `extra`. */
  extra?: boolean | undefined;
  /** Leaves the header away. */
  noHeader?: boolean | undefined;
}

/** Names of members that are remembered for the report; more are only counted. */
const maxNamed = 50;

/**
 * The CSV of one kind: records in, bytes out. The header comes with the first bytes that are taken and in every case
 * by `end()`.
 *
 * Throws  PCRS_USAGE for columns that do not exist or a delimiter that cannot be one; where columns follow from the
 *         first record, only when that comes
 */
export class CsvTable {
  readonly kind: string;
  /** Rows so far. */
  rows = 0;
  /** Records so far; a `hostids` record has a row for each host. */
  records = 0;
  readonly #options: TableOptions;
  readonly #dialect: Dialect;
  readonly #changes: CellChanges = { formulas: 0, nuls: 0, surrogates: 0 };
  readonly #uncovered = new Map<string, number>();
  readonly #out = new CsvBytes();
  #layout: Layout | undefined;
  #fast: FastRows | undefined;
  #pending: Cell[][] = [];

  constructor(kind: string, options: TableOptions) {
    this.kind = kind;
    this.#options = options;
    this.#dialect = openDialect(options);
    this.#open(undefined);
  }

  /**
   * Takes a record of the table's kind.
   *
   * Takes   line  its text, so that nested values are written as they were sent; without it they are written anew
   * Yields  why it cannot be a row, or undefined where all is well
   */
  add(record: JsonObject, line?: string): string | undefined {
    if (this.#layout === undefined) this.#open(record);
    const hosts = this.kind === 'hostids' ? record['hostIds'] : [undefined];
    if (!Array.isArray(hosts)) return `hostIds must be an array, got ${excerpt(JSON.stringify(hosts) ?? '')}`;
    let rows: Cell[][];
    try {
      rows = this.#rows(record, line, hosts);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return 'nested deeper than the engine can write';
    }
    for (const row of rows) this.#pending.push(row);
    this.records += 1;
    this.rows += rows.length;
    return undefined;
  }

  /**
   * Writes a line that is plainly a record of the table's kind, without parsing it.
   *
   * Takes   bytes  UTF-8 that is known to be; a line feed ends the line that begins at `start`
   * Yields  the place of that line feed; -1 where the line has to be parsed and added, if it is for this table at all
   */
  addLine(bytes: Buffer, start: number): number {
    if (this.#fast === undefined) return -1;
    if (this.#pending.length > 0) this.#renderPending();
    const end = this.#fast.write(bytes, start, this.#out);
    if (end < 0) return -1;
    if (!this.#options.columns) for (const name of this.#fast.passed) this.#countUncovered(name);
    this.records += 1;
    this.rows += 1;
    return end;
  }

  /** How many bytes wait to be taken. */
  get size(): number {
    if (this.#pending.length > 0) this.#renderPending();
    return this.#out.length;
  }

  /** The bytes of what was added since the last call, header first. */
  take(): Uint8Array {
    if (this.#pending.length > 0) this.#renderPending();
    return this.#out.take();
  }

  /** The last bytes: with the header, where no record has brought it. */
  end(): Uint8Array {
    if (this.#layout === undefined) this.#setHead(askedNames(this.#options));
    return this.take();
  }

  /** One line for each thing to tell about the table, ready for stderr. */
  reports(): string[] {
    const { formulas, nuls, surrogates } = this.#changes;
    const lines: string[] = [];
    if (this.#uncovered.size > 0) lines.push(this.#uncoveredReport());
    if (formulas > 0) {
      lines.push(`${this.kind}: cells that a spreadsheet would run got an apostrophe in front: ${formulas}`);
    }
    if (nuls > 0) lines.push(`${this.kind}: cells whose NUL became U+FFFD: ${nuls}`);
    if (surrogates > 0) lines.push(`${this.kind}: cells whose lone surrogates became U+FFFD: ${surrogates}`);
    return lines;
  }

  #open(first: JsonObject | undefined): void {
    this.#layout = layoutOf(this.kind, this.#options, first);
    if (this.#layout === undefined) return;
    this.#setHead(this.#layout.columns.map(({ name }) => name));
    const { columns, extra } = this.#options;
    const { fast } = this.#dialect;
    if (fast && !extra) {
      this.#fast = FastRows.for(this.kind, this.#layout, columns !== undefined, fast, this.#changes);
    }
  }

  #setHead(names: string[]): void {
    if (this.#options.extra) {
      if (names.includes('extra')) {
        throw codedError(
          'PCRS_USAGE',
          `--extra: ${this.kind} has a column extra already; leave the flag away`,
        );
      }
      names.push('extra');
    }
    const header = names.map((name) => this.#text(name));
    const shown = !this.#options.noHeader && header.length > 0;
    this.#out.text(this.#dialect.mark + (shown ? this.#dialect.render([header]) : ''));
  }

  #renderPending(): void {
    this.#out.text(this.#dialect.render(this.#pending));
    this.#pending = [];
  }

  #rows(record: JsonObject, line: string | undefined, hosts: readonly unknown[]): Cell[][] {
    const { columns } = this.#layout as Layout;
    const shared = columns.map((column) => (column.host ? null : this.#cell(column, record, line)));
    const extra = this.#extra(record);
    if (extra !== undefined) shared.push(extra);
    return hosts.map((host) => {
      const row = shared.slice();
      for (const [index, column] of columns.entries()) if (column.host) row[index] = this.#text(host);
      // A row of one empty cell would be a blank line, which readers pass over.
      return row.length === 1 && row[0] === null ? [''] : row;
    });
  }

  #cell(column: CsvColumn, record: JsonObject, line: string | undefined): Cell {
    const value = columnValue(column, record);
    const raw = line !== undefined && isNested(value) ? rawOf(column, line) : undefined;
    return raw ?? this.#text(value);
  }

  #text(value: unknown): Cell {
    return cellText(value, this.#dialect.neutral, this.#changes);
  }

  /** The cell of the column `extra`; undefined where there is no such column. */
  #extra(record: JsonObject): Cell | undefined {
    // Who picks columns knows what is left out.
    if (this.#options.columns && !this.#options.extra) return undefined;
    const left = uncovered(record, (this.#layout as Layout).covered, (path) => this.#countUncovered(path));
    if (!this.#options.extra) return undefined;
    return left === undefined ? null : JSON.stringify(left);
  }

  #countUncovered(path: string): void {
    const count = this.#uncovered.get(path);
    const name = count === undefined && this.#uncovered.size >= maxNamed ? '…' : path;
    this.#uncovered.set(name, (this.#uncovered.get(name) ?? 0) + 1);
  }

  #uncoveredReport(): string {
    const names = [...this.#uncovered].map(([name, count]) => `${name} (${count})`).join(', ');
    const hint = this.#options.extra
      ? 'kept in the column extra'
      : '--extra keeps them, --add NAME makes a column';
    return `${this.kind}: members without a column, and in how many records: ${names}; ${hint}`;
  }
}

function isNested(value: unknown): boolean {
  return isObject(value) || Array.isArray(value);
}
