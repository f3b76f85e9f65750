import { type CellChanges, cellText } from './cells.ts';
import type { CsvBytes } from './csv-bytes.ts';
import { form, unescaped } from './json-scan.ts';
import { fourBackslashes, fourOf, hasZero, type Words } from './words.ts';

/** A dialect of CSV that rows can be written in from bytes. */
export interface FastDialect {
  /** One byte. */
  delimiter: number;
  crlf: boolean;
  /** Texts that look like formulas get an apostrophe in front. */
  neutral: boolean;
}

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const backslash = 0x5c;

/** A form besides those of the scan: the cell's text was made from the parsed value. */
const made = 8;
/** Cells longer than this are copied faster by a call than in a loop. */
const longCell = 256;

/** What begins a text that may look like a formula; escapes are looked at more closely. */
const formula = new Uint8Array(256);
for (const character of '=+-@\\') formula[character.charCodeAt(0)] = 1;

/** The cells of one row: where their values lie in the bytes of the record, or the texts that were made of them. */
export class FastCells {
  readonly #dialect: FastDialect;
  readonly #fourDelimiters: number;
  readonly #changes: CellChanges;
  readonly #forms: Uint8Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #texts: string[];
  /** Slots whose text has to be made once the line is known to be a record. */
  readonly #late: number[] = [];
  #madeLength = 0;
  #nestedLength = 0;

  constructor(columns: number, dialect: FastDialect, changes: CellChanges) {
    this.#dialect = dialect;
    this.#fourDelimiters = fourOf(dialect.delimiter);
    this.#changes = changes;
    this.#forms = new Uint8Array(columns);
    this.#starts = new Int32Array(columns);
    this.#ends = new Int32Array(columns);
    this.#texts = new Array<string>(columns).fill('');
  }

  clear(): void {
    this.#forms.fill(form.absent);
    this.#late.length = 0;
    this.#madeLength = 0;
    this.#nestedLength = 0;
  }

  has(slot: number): boolean {
    return this.#forms[slot] !== form.absent;
  }

  /** Notes where a value lies that was proven; `found` is its form. */
  note(slot: number, bytes: Buffer, start: number, end: number, found: number): void {
    const text = bytes[start] === quote;
    const guarded = text && this.#dialect.neutral && formula[bytes[start + 1] as number] === 1;
    if (guarded || found === form.unicode) this.#late.push(slot);
    else if (found === form.nested) this.#nestedLength += end - start;
    this.#forms[slot] = found;
    this.#starts[slot] = text ? start + 1 : start;
    this.#ends[slot] = text ? end - 1 : end;
  }

  /** Takes JSON as the text of a cell. */
  setRaw(slot: number, json: string): void {
    this.#forms[slot] = made;
    this.#texts[slot] = json;
    this.#madeLength += json.length;
  }

  /**
   * Writes the row.
   *
   * Takes  bytes   in which the values lie
   *        words   of the same bytes
   *        length  of the line that they are in
   */
  writeRow(bytes: Buffer, words: Words, length: number, out: CsvBytes): void {
    const { delimiter, crlf } = this.#dialect;
    for (const slot of this.#late) this.#make(slot, bytes);
    // A cell takes the bytes of its value, two quotes and a delimiter, JSON all its quotes again, and a text that was
    // made at most 3 for each UTF-16 unit; a value is shown by two columns at most.
    out.reserve(2 * length + this.#nestedLength + 3 * this.#forms.length + 3 * this.#madeLength + 2);
    const to = out.bytes;
    let at = out.length;
    for (let slot = 0; slot < this.#forms.length; slot += 1) {
      if (slot > 0) to[at++] = delimiter;
      at = this.#cell(slot, bytes, words, out, at);
    }
    if (crlf) to[at++] = carriageReturn;
    to[at++] = lineFeed;
    out.length = at;
  }

  #make(slot: number, bytes: Buffer): void {
    const json = bytes.toString('utf8', (this.#starts[slot] as number) - 1, (this.#ends[slot] as number) + 1);
    this.setRaw(slot, cellText(JSON.parse(json), this.#dialect.neutral, this.#changes) as string);
  }

  #cell(slot: number, bytes: Buffer, words: Words, out: CsvBytes, start: number): number {
    const to = out.bytes;
    switch (this.#forms[slot]) {
      case form.plain:
        return this.#copy(slot, bytes, words, out, start);
      case form.marked: {
        to[start] = quote;
        const end = this.#copy(slot, bytes, words, out, start + 1);
        to[end] = quote;
        return end + 1;
      }
      case form.escaped:
        return this.#unescape(slot, bytes, words, out, start);
      case form.nested:
        return this.#quoteNested(slot, bytes, to, start);
      case form.empty:
        to[start] = quote;
        to[start + 1] = quote;
        return start + 2;
      case made: {
        const text = this.#texts[slot] as string;
        const quoted = /["\r\n]/.test(text) || text.includes(String.fromCharCode(this.#dialect.delimiter));
        return start + to.write(quoted ? `"${text.replaceAll('"', '""')}"` : text, start);
      }
      default:
        return start;
    }
  }

  #copy(slot: number, bytes: Buffer, words: Words, out: CsvBytes, start: number): number {
    const to = out.bytes;
    let from = this.#starts[slot] as number;
    const end = this.#ends[slot] as number;
    if (end - from > longCell) return start + bytes.copy(to, start, from, end);
    let at = start;
    for (; from + 4 <= end; from += 4, at += 4) out.words.setInt32(at, words.getInt32(from));
    while (from < end) to[at++] = bytes[from++] as number;
    return at;
  }

  #quoteNested(slot: number, bytes: Buffer, to: Buffer, start: number): number {
    const { delimiter } = this.#dialect;
    const end = this.#ends[slot] as number;
    let quoted = false;
    let at = start + 1;
    for (let from = this.#starts[slot] as number; from < end; from += 1) {
      const byte = bytes[from] as number;
      if (byte === quote) to[at++] = quote;
      if (byte === quote || byte === delimiter || byte === carriageReturn) quoted = true;
      to[at++] = byte;
    }
    return closed(to, start, at, quoted);
  }

  /** Writes a text with escapes behind an opening quote, and takes that away again where it is not needed. */
  #unescape(slot: number, bytes: Buffer, words: Words, out: CsvBytes, start: number): number {
    const { delimiter } = this.#dialect;
    const to = out.bytes;
    const end = this.#ends[slot] as number;
    let quoted = false;
    let at = start + 1;
    for (let from = this.#starts[slot] as number; from < end; from += 1) {
      for (; from + 4 < end; from += 4, at += 4) {
        const word = words.getInt32(from);
        if (hasZero(word ^ fourBackslashes)) break;
        if (!quoted) quoted = hasZero(word ^ this.#fourDelimiters);
        out.words.setInt32(at, word);
      }
      let byte = bytes[from] as number;
      if (byte === backslash) {
        from += 1;
        byte = unescaped[bytes[from] as number] as number;
        if (byte === quote) to[at++] = quote;
        if (byte === quote || byte === lineFeed || byte === carriageReturn) quoted = true;
      }
      if (byte === delimiter) quoted = true;
      to[at++] = byte;
    }
    return closed(to, start, at, quoted);
  }
}

/** Ends a cell that was written from `start + 1` to `end`: between quotes, or moved to where the quote would be. */
function closed(to: Buffer, start: number, end: number, quoted: boolean): number {
  if (!quoted) {
    to.copyWithin(start, start + 1, end);
    return end - 1;
  }
  to[start] = quote;
  to[end] = quote;
  return end + 1;
}
