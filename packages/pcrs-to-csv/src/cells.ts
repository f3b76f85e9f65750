import { textAt } from 'pcrs-sink/members';
import { forms } from 'pcrs-sink/places';
import type { CsvBytes } from './csv-bytes.ts';

/** Counts of changed cells, and of cells too long for a spreadsheet. */
interface CellChanges {
  /** Texts that a spreadsheet would take for a formula, prefixed with an apostrophe. */
  formulas: number;
  /** Texts whose NUL became U+FFFD. */
  nuls: number;
  /** Texts whose lone surrogates became U+FFFD. */
  surrogates: number;
  /** Cells that a spreadsheet cuts. */
  long: number;
}

/** How cells are written. */
export interface CellDialect {
  /** One character. */
  readonly delimiter: string;
  /** For a spreadsheet: prefix texts that look like formulas with an apostrophe. */
  readonly neutral: boolean;
}

/** Start of a formula in a spreadsheet; the last four are full-width. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
/** Longest cell of a spreadsheet, in UTF-16 units. */
const longest = 32_767;

const quote = 0x22;
const backslash = 0x5c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Meaning of each escape letter; 0 for `u`. */
const unescaped = new Uint8Array(128);
for (const [letter, text] of Object.entries({
  ...{ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' },
})) {
  unescaped[letter.charCodeAt(0)] = text.charCodeAt(0);
}

/**
 * Writes cells straight from the bytes of a record, quoted as csv-stringify would.
 *
 * Null and absent are empty, the empty text is `""`; numbers keep their digits, objects and arrays their JSON.
 */
export class CellWriter {
  readonly changes: CellChanges = { formulas: 0, nuls: 0, surrogates: 0, long: 0 };
  readonly #out: CsvBytes;
  readonly #dialect: CellDialect;
  readonly #delimiter: Buffer;
  readonly #mark: number;

  constructor(dialect: CellDialect, out: CsvBytes) {
    this.#out = out;
    this.#dialect = dialect;
    this.#delimiter = Buffer.from(dialect.delimiter);
    this.#mark = this.#delimiter[0] as number;
  }

  delimiter(): void {
    this.#out.reserve(this.#delimiter.length);
    for (const byte of this.#delimiter) this.#out.bytes[this.#out.length++] = byte;
  }

  /** Takes  a value's form and place, from the reader */
  value(bytes: Buffer, form: number, start: number, end: number): void {
    if (form <= forms.null) return;
    if (this.#dialect.neutral && end - start > longest) this.#noteLength(bytes, form, start, end);
    if (form < forms.nested) this.#plain(bytes, start, end);
    else if (form < forms.string) this.json(bytes, start, end);
    else if (this.#dialect.neutral && mayBeFormula(bytes[start] as number))
      this.#decoded(bytes, form, start, end);
    else if (form >= forms.escaped) this.#escaped(bytes, form, start, end);
    else if (start === end) this.#out.text('""');
    else this.#plain(bytes, start, end);
  }

  /** Writes a text that is not in the record. */
  text(text: string): void {
    this.#quotedText(this.#changed(text));
  }

  /** Writes bytes of JSON. */
  json(bytes: Buffer, start: number, end: number): void {
    this.#out.reserve(2 * (end - start) + 2);
    const to = this.#out.bytes;
    const first = this.#out.length;
    let at = first + 1;
    let quoted = false;
    for (let from = start; from < end; from += 1) {
      const byte = bytes[from] as number;
      if (byte === quote) to[at++] = quote;
      if (byte === quote || byte === this.#mark || byte === carriageReturn) quoted = true;
      to[at++] = byte;
    }
    this.#close(at, quoted);
  }

  /** Writes a value without escapes: only the delimiter matters. */
  #plain(bytes: Buffer, start: number, end: number): void {
    this.#out.reserve(end - start + 2);
    const to = this.#out.bytes;
    const mark = this.#mark;
    let at = this.#out.length;
    let marked = false;
    for (let from = start; from < end; from += 1) {
      const byte = bytes[from] as number;
      if (byte === mark) marked = true;
      to[at++] = byte;
    }
    if (marked && this.#hasDelimiter(bytes, start, end)) {
      to.copyWithin(this.#out.length + 1, this.#out.length, at);
      to[this.#out.length] = quote;
      to[at + 1] = quote;
      at += 2;
    }
    this.#out.length = at;
  }

  #escaped(bytes: Buffer, form: number, start: number, end: number): void {
    this.#out.reserve(2 * (end - start) + 2);
    const to = this.#out.bytes;
    const first = this.#out.length + 1;
    let at = first;
    let quoted = false;
    for (let from = start; from < end; from += 1) {
      let byte = bytes[from] as number;
      if (byte === backslash) {
        from += 1;
        byte = unescaped[bytes[from] as number] as number;
        if (byte === 0) {
          this.#decoded(bytes, form, start, end);
          return;
        }
        if (byte === quote) to[at++] = quote;
        if (byte === quote || byte === lineFeed || byte === carriageReturn) quoted = true;
      }
      if (byte === this.#mark) quoted = true;
      to[at++] = byte;
    }
    // PostgreSQL before 17 takes a lone \. for the end of the data.
    if (at === first + 2 && to[first] === backslash && to[first + 1] === 0x2e) quoted = true;
    this.#close(at, quoted);
  }

  #decoded(bytes: Buffer, form: number, start: number, end: number): void {
    this.text(textAt(bytes, form, start, end) as string);
  }

  #quotedText(text: string): void {
    const quoted = /["\r\n]|^$|^\\\.$/.test(text) || text.includes(this.#dialect.delimiter);
    this.#out.text(quoted ? `"${text.replaceAll('"', '""')}"` : text);
  }

  /** Ends a cell that was written one byte late: adds quotes, or moves it to the place of the first quote. */
  #close(end: number, quoted: boolean): void {
    const to = this.#out.bytes;
    const start = this.#out.length;
    if (quoted && (this.#delimiter.length === 1 || this.#needsQuotes(to, start + 1, end))) {
      to[start] = quote;
      to[end] = quote;
      this.#out.length = end + 1;
    } else {
      to.copyWithin(start, start + 1, end);
      this.#out.length = end - 1;
    }
  }

  /** Checks for the whole delimiter: its first byte alone does not make one. */
  #needsQuotes(bytes: Buffer, start: number, end: number): boolean {
    const cell = bytes.toString('latin1', start, end);
    return /["\r\n]|^\\\.$/.test(cell) || this.#hasDelimiter(bytes, start, end);
  }

  #hasDelimiter(bytes: Buffer, start: number, end: number): boolean {
    return this.#delimiter.length === 1 || bytes.subarray(start, end).includes(this.#delimiter);
  }

  #changed(value: string): string {
    let text = value;
    if (text.includes('\0')) {
      text = text.replaceAll('\0', '\ufffd');
      this.changes.nuls += 1;
    }
    if (!text.isWellFormed()) {
      text = text.toWellFormed();
      this.changes.surrogates += 1;
    }
    if (this.#dialect.neutral && formula.test(text)) {
      text = `'${text}`;
      this.changes.formulas += 1;
    }
    return text;
  }

  #noteLength(bytes: Buffer, form: number, start: number, end: number): void {
    if ((textAt(bytes, form, start, end) as string).length > longest) this.changes.long += 1;
  }
}

/** Whether a text that starts with this byte may be a formula: an escape and a full-width sign need a closer look. */
function mayBeFormula(byte: number): boolean {
  return (
    byte === 0x3d || byte === 0x2b || byte === 0x2d || byte === 0x40 || byte === backslash || byte === 0xef
  );
}
