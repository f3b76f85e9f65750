import { codedError, excerpt } from 'pcrs-records/errors';
import { type ColumnPath, jsonAt } from 'pcrs-sink/members';
import { forms, placesIn } from 'pcrs-sink/places';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import { CellWriter } from './cells.ts';
import { askedNames, type ColumnOptions, type Layout, layoutOf } from './columns.ts';
import { CsvBytes } from './csv-bytes.ts';
import { type Dialect, type DialectOptions, openDialect } from './dialect.ts';
import { holdsOnly, type PlannedCell, pathsOf, planRows, type RowPlan } from './row-plan.ts';
import { isObjectAt, uncoveredIn, type ValuePlace, withoutParts } from './uncovered.ts';

/** Options of one kind's CSV. */
export interface TableOptions extends ColumnOptions, DialectOptions {
  /** Keep members without a column as JSON in a last column `extra`. */
  extra?: boolean | undefined;
  /** Omits the header. */
  noHeader?: boolean | undefined;
}

/** Names of members kept for the report; others are only counted. */
const maxNamed = 50;
/** Most rows in a spreadsheet, header included. */
const maxSheetRows = 1_048_576;

/**
 * The CSV of one kind: records in, bytes out. The header comes with the first bytes, at the latest with `end()`.
 *
 * Throws  PCRS_USAGE for unknown columns or an invalid delimiter; if the columns come from the first record, only
 *         then
 */
export class CsvTable implements RecordTable {
  readonly kind: string;
  readonly columns: readonly ColumnPath[];
  /** Rows so far. */
  rows = 0;
  /** Records so far; a `hostids` record has a row for each host. */
  records = 0;
  readonly #options: TableOptions;
  readonly #dialect: Dialect;
  readonly #uncovered = new Map<string, number>();
  readonly #out = new CsvBytes();
  readonly #cells: CellWriter;
  #layout: Layout | undefined;
  #plan: RowPlan | undefined;

  constructor(kind: string, options: TableOptions) {
    this.kind = kind;
    this.#options = options;
    this.#dialect = openDialect(options);
    this.#cells = new CellWriter(this.#dialect, this.#out);
    this.#layout = layoutOf(kind, options, undefined);
    const { columns, covered } = this.#layout ?? (layoutOf(kind, { add: options.add }, []) as Layout);
    this.columns = pathsOf(columns, covered);
    if (this.#layout) this.#setHead(this.#layout.columns.map(({ name }) => name));
  }

  /** For a kind without declared columns, the first record's members become columns. */
  wants(): boolean {
    return this.#layout === undefined;
  }

  take(record: Members): void {
    this.#layout ??= this.#layoutBy(record);
    this.#plan ??= planRows(this.#layout, (path) => columnIn(record, path));
    const hosts = this.kind === 'hostids' ? this.#hostsOf(record) : [undefined];
    const extra = this.#extraOf(record);
    for (const host of hosts) this.#row(record, this.#plan, host, extra);
    this.records += 1;
    this.rows += hosts.length;
  }

  /** Number of bytes to take. */
  get size(): number {
    return this.#out.length;
  }

  /** The bytes added since the last call, header first. */
  drain(): Uint8Array {
    return this.#out.take();
  }

  /** The last bytes, with the header if no record has brought it. */
  end(): Uint8Array {
    if (this.#layout === undefined) this.#setHead(askedNames(this.#options));
    return this.#out.take();
  }

  /** One report per line, ready for stderr. */
  reports(): string[] {
    const { formulas, long, nuls, surrogates } = this.#cells.changes;
    const lines: string[] = [];
    const counted = (words: string, count: number) => {
      if (count > 0) lines.push(`${this.kind}: ${words}: ${count}`);
    };
    if (this.#uncovered.size > 0) lines.push(this.#uncoveredReport());
    counted('cells prefixed with an apostrophe, since a spreadsheet would run them', formulas);
    counted('cells whose NUL became U+FFFD', nuls);
    counted('cells whose lone surrogates became U+FFFD', surrogates);
    counted('cells longer than 32,767 characters, which a spreadsheet cuts', long);
    const sheetRows = this.rows + (this.#options.noHeader ? 0 : 1);
    if (this.#options.excel && sheetRows > maxSheetRows) {
      lines.push(
        `${this.kind}: ${sheetRows} rows, more than the 1,048,576 of a spreadsheet; filter first, or use a database`,
      );
    }
    return lines;
  }

  #layoutBy(record: Members): Layout {
    const own = record.columns.flatMap((path, column) =>
      typeof path === 'string' && record.form(column) !== forms.absent && path !== 'kind'
        ? [{ path, start: record.start(column) }]
        : [],
    );
    const names = own.sort((a, b) => a.start - b.start).map(({ path }) => path);
    const layout = layoutOf(this.kind, this.#options, names) as Layout;
    this.#setHead(layout.columns.map(({ name }) => name));
    return layout;
  }

  #setHead(names: string[]): void {
    if (this.#options.extra) {
      if (names.includes('extra')) {
        throw codedError('PCRS_USAGE', `--extra: ${this.kind} has a column extra already; omit the flag`);
      }
      names.push('extra');
    }
    this.#out.text(this.#dialect.mark);
    if (this.#options.noHeader || names.length === 0) return;
    for (const [index, name] of names.entries()) {
      if (index > 0) this.#cells.delimiter();
      this.#cells.text(name);
    }
    this.#out.text(this.#dialect.lineEnd);
  }

  #hostsOf(record: Members): ValuePlace[] {
    const column = record.columnOf('hostIds');
    if (record.json(column)?.startsWith('[')) return placesIn(record.bytes, record.start(column));
    throw new RefusedRecord(`hostIds must be an array, got ${excerpt(record.json(column) ?? '')}`);
  }

  #row(record: Members, { cells }: RowPlan, host: ValuePlace | undefined, extra: string | undefined): void {
    const start = this.#out.length;
    for (let index = 0; index < cells.length; index += 1) {
      if (index > 0) this.#cells.delimiter();
      this.#cell(record, cells[index] as PlannedCell, host);
    }
    if (this.#options.extra) {
      if (cells.length > 0) this.#cells.delimiter();
      if (extra !== undefined) this.#rawJson(Buffer.from(extra));
    }
    // A row of one empty cell would be a blank line, which readers skip.
    if (this.#out.length === start) this.#out.text('""');
    this.#out.text(this.#dialect.lineEnd);
  }

  #cell(record: Members, cell: PlannedCell, host: ValuePlace | undefined): void {
    const { bytes } = record;
    if (cell.host) {
      if (host) this.#cells.value(bytes, host.form, host.start, host.end);
      return;
    }
    const isDotted = cell.dotted >= 0 && record.form(cell.dotted) !== forms.absent;
    const column = isDotted ? cell.dotted : cell.column;
    const place = placeOf(record, column);
    if (cell.without === undefined || !isObjectAt(bytes, place)) {
      this.#cells.value(bytes, place.form, place.start, place.end);
    } else if (!holdsOnly(record, column, cell.parts)) {
      const left = withoutParts(bytes, place.start, cell.without);
      if (left) this.#rawJson(left);
    }
  }

  #rawJson(json: Buffer): void {
    this.#cells.json(json, 0, json.length);
  }

  /** Counts members that no column shows; with --extra returns their JSON. */
  #extraOf(record: Members): string | undefined {
    const { columns, extra } = this.#options;
    // Whoever picks columns knows what is left out.
    if (columns && !extra) return undefined;
    const left: { start: number; json: string }[] = [];
    const shown = (this.#layout as Layout).covered;
    for (const { name, form, start, end } of record.others) {
      if (shown.has(name)) continue;
      this.#countUncovered(name);
      if (extra)
        left.push({ start, json: `${JSON.stringify(name)}:${jsonAt(record.bytes, form, start, end)}` });
    }
    for (const { column, covered, name, parts } of (this.#plan as RowPlan).partly) {
      const place = placeOf(record, column);
      if (place.form <= forms.null) continue;
      if (parts && isObjectAt(record.bytes, place) && holdsOnly(record, column, parts)) continue;
      const json = uncoveredIn(record.bytes, place, covered, (path) => this.#countUncovered(path), name);
      if (json !== undefined) left.push({ start: place.start, json: `${JSON.stringify(name)}:${json}` });
    }
    if (!extra || left.length === 0) return undefined;
    return `{${left
      .sort((a, b) => a.start - b.start)
      .map(({ json }) => json)
      .join(',')}}`;
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
    return `${this.kind}: members without a column, with their number of records: ${names}; ${hint}`;
  }
}

function placeOf(record: Members, column: number): ValuePlace {
  return { form: record.form(column), start: record.start(column), end: record.end(column) };
}

/** The record's column for a path. */
function columnIn(record: Members, path: ColumnPath): number {
  const wanted = JSON.stringify(path);
  return record.columns.findIndex((known) => JSON.stringify(known) === wanted);
}
