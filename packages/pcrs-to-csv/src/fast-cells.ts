import { type CellChanges, cellText } from './cells.ts';
import type { CsvBytes } from './csv-bytes.ts';
import { form, unescaped } from './json-scan.ts';

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
const longCell = 64;

/** What begins a text that may look like a formula; escapes are looked at more closely. */
const formula = new Uint8Array(256);
for (const character of '=+-@\\') formula[character.charCodeAt(0)] = 1;

/** The cells of one row: where their values lie in the bytes of the record, or the texts that were made of them. */
export class FastCells {
  readonly #dialect: FastDialect;
  readonly #changes: CellChanges;
  readonly #forms: Uint8Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #texts: string[];
  /** Slots whose text has to be made once the line is known to be a record. */
  readonly #late: number[] = [];
  #madeLength = 0;

  constructor(columns: number, dialect: FastDialect, changes: CellChanges) {
    this.#dialect = dialect;
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
  }

  has(slot: number): boolean {
    return this.#forms[slot] !== form.absent;
  }

  /** Notes where a value lies that was proven; `found` is its form. */
  note(slot: number, bytes: Buffer, start: number, end: number, found: number): void {
    const text = bytes[start] === quote;
    const guarded = text && this.#dialect.neutral && formula[bytes[start + 1] as number] === 1;
    if (guarded || found === form.unicode) this.#late.push(slot);
    this.#forms[slot] = found;
    this.#starts[slot] = text ? start + 1 : start;
    this.#ends[slot] = text ? end - 1 : end;
  }

  /** Takes a value that was parsed. */
  set(slot: number, value: unknown): void {
    const text = cellText(value, this.#dialect.neutral, this.#changes);
    this.#forms[slot] = text === null ? form.absent : text === '' ? form.empty : made;
    this.#texts[slot] = text ?? '';
    this.#madeLength += this.#texts[slot].length;
  }

  /**
   * Writes the row.
   *
   * Takes  bytes   in which the values lie
   *        length  of the line that they are in
   */
  writeRow(bytes: Buffer, length: number, out: CsvBytes): void {
    const { delimiter, crlf } = this.#dialect;
    for (const slot of this.#late) this.#make(slot, bytes);
    // A cell takes no more bytes than its value but for two quotes and a delimiter; a made text 3 for each UTF-16 unit.
    out.reserve(length + 3 * this.#forms.length + 3 * this.#madeLength + 2);
    const to = out.bytes;
    let at = out.length;
    for (let slot = 0; slot < this.#forms.length; slot += 1) {
      if (slot > 0) to[at++] = delimiter;
      at = this.#cell(slot, bytes, to, at);
    }
    if (crlf) to[at++] = carriageReturn;
    to[at++] = lineFeed;
    out.length = at;
  }

  #make(slot: number, bytes: Buffer): void {
    // Meanwhile it may have been set, where its member had to be parsed after all.
    const now = this.#forms[slot];
    if (now === form.absent || now === form.empty || now === made) return;
    const [start, end] = [this.#starts[slot] as number, this.#ends[slot] as number];
    this.set(slot, JSON.parse(bytes.toString('utf8', start - 1, end + 1)));
  }

  #cell(slot: number, bytes: Buffer, to: Buffer, start: number): number {
    switch (this.#forms[slot]) {
      case form.plain:
        return this.#copy(slot, bytes, to, start);
      case form.marked: {
        to[start] = quote;
        const end = this.#copy(slot, bytes, to, start + 1);
        to[end] = quote;
        return end + 1;
      }
      case form.escaped:
        return this.#unescape(slot, bytes, to, start);
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

  #copy(slot: number, bytes: Buffer, to: Buffer, start: number): number {
    let from = this.#starts[slot] as number;
    const end = this.#ends[slot] as number;
    if (end - from > longCell) return start + bytes.copy(to, start, from, end);
    let at = start;
    while (from < end) to[at++] = bytes[from++] as number;
    return at;
  }

  /** Writes a text with escapes behind an opening quote, and takes that away again where it is not needed. */
  #unescape(slot: number, bytes: Buffer, to: Buffer, start: number): number {
    const { delimiter } = this.#dialect;
    const end = this.#ends[slot] as number;
    let quoted = false;
    let at = start + 1;
    for (let from = this.#starts[slot] as number; from < end; from += 1) {
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
    if (!quoted) {
      to.copyWithin(start, start + 1, at);
      return at - 1;
    }
    to[start] = quote;
    to[at] = quote;
    return at + 1;
  }
}
