import { forms } from 'pcrs-sink/places';

/** Counts of changed texts. */
export interface TextCounts {
  /** U+0000, which PostgreSQL does not accept, became U+FFFD. */
  nulCharacters: number;
  /** Half a surrogate pair became U+FFFD. */
  loneSurrogates: number;
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
const dash = 0x2d;
const backslash = 0x5c;
const replacement = 0xfffd;

const firstBytes = 1024 * 1024;
/** Room for a row of nulls, which does not call `reserve`. */
const slack = 2048;

/** Escape letters of COPY's text format, by byte. */
const escapes = new Uint8Array(256);
for (const [byte, letter] of [
  [tab, 't'],
  [lineFeed, 'n'],
  [carriageReturn, 'r'],
  [backslash, '\\'],
] as const)
  escapes[byte] = letter.charCodeAt(0);

/**
 * Rows in COPY's text format, in memory that grows.
 *
 *   \N  null            \t \n \r \\  those characters            a tab between values, a line feed after a row
 *
 * Source  PostgreSQL 18, COPY, "Text Format"
 */
export class CopyText {
  bytes: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  length = 0;
  readonly counts: TextCounts;
  #spare: Buffer | undefined;

  constructor(counts: TextCounts) {
    this.counts = counts;
  }

  /** The rows so far; following rows go into other memory. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = this.#spare ?? Buffer.allocUnsafeSlow(this.bytes.length);
    this.#spare = undefined;
    this.length = 0;
    return taken;
  }

  /** Takes back the memory of rows that are sent. */
  giveBack(rows: Buffer): void {
    this.#spare = Buffer.from(rows.buffer);
  }

  /** Makes room: a JSON escape becomes at most twice as long, and at most three bytes per unit. */
  reserve(length: number): void {
    const needed = this.length + 3 * length + slack;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** If the server refuses the COPY, psql reads each row as SQL: as a comment. */
  beginRow(): void {
    this.reserve(0);
    this.#put(dash);
    this.#put(dash);
    this.#put(tab);
  }

  null(): void {
    this.#put(backslash);
    this.#put(0x4e);
  }

  endValue(): void {
    this.#put(tab);
  }

  /** Ends a row: replaces the tab after the last value. */
  endRow(): void {
    this.bytes[this.length - 1] = lineFeed;
  }

  /** A whole number from 0 on. */
  digits(number: number): void {
    if (number > 9) this.digits(Math.floor(number / 10));
    this.#put(0x30 + (number % 10));
  }

  /** ASCII without anything to escape. */
  ascii(text: string): void {
    this.reserve(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  /** Any text. */
  text(text: string): void {
    const kept = text.toWellFormed().replaceAll('\0', '\ufffd');
    const escaped = kept.replace(
      /[\\\n\r\t]/g,
      (character) => `\\${String.fromCharCode(escapes[character.charCodeAt(0)] as number)}`,
    );
    this.reserve(escaped.length);
    this.length += this.bytes.write(escaped, this.length);
  }

  /** The characters of a string, from the bytes inside its quotes and its form; or an integer's digits. */
  string(bytes: Buffer, start: number, end: number, found: number): void {
    this.reserve(end - start);
    if (found < forms.escaped) this.#copy(bytes, start, end);
    else this.#unescaped(bytes, start, end);
  }

  /** JSON as it came, with U+0000 and half surrogate pairs replaced by U+FFFD: jsonb accepts neither. */
  json(bytes: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    const target = this.bytes;
    let to = this.length;
    for (let from = start; from < end; from += 1) {
      const byte = bytes[from] as number;
      const letter = escapes[byte] as number;
      if (letter === 0) target[to++] = byte;
      else if (byte !== backslash) {
        target[to++] = backslash;
        target[to++] = letter;
      } else {
        from += 1;
        const next = bytes[from] as number;
        if (next === 0x75) {
          const last = this.#wholeEscape(bytes, from, end);
          const text =
            last < 0 ? '\\\\ufffd' : `\\\\${bytes.toString('latin1', from, last).replace('\\', '\\\\')}`;
          to += target.write(text, to, 'latin1');
          from = (last < 0 ? from + 5 : last) - 1;
        } else {
          target[to++] = backslash;
          target[to++] = backslash;
          if (next === backslash) target[to++] = backslash;
          target[to++] = next;
        }
      }
    }
    this.length = to;
  }

  /** The end of an escape `u…`, with its pair; -1 if its character cannot be kept, which is counted. */
  #wholeEscape(bytes: Buffer, at: number, end: number): number {
    const code = hex(bytes, at + 1);
    if (code === 0) {
      this.counts.nulCharacters += 1;
      return -1;
    }
    if ((code & 0xf800) !== 0xd800) return at + 5;
    const isPair =
      code < 0xdc00 &&
      at + 11 <= end &&
      bytes[at + 5] === backslash &&
      bytes[at + 6] === 0x75 &&
      (hex(bytes, at + 7) & 0xfc00) === 0xdc00;
    if (isPair) return at + 11;
    this.counts.loneSurrogates += 1;
    return -1;
  }

  /** Copies bytes of a string without escapes: none needs one here. */
  #copy(bytes: Buffer, start: number, end: number): void {
    if (end - start > 48) this.length += bytes.copy(this.bytes, this.length, start, end);
    else {
      const target = this.bytes;
      let to = this.length;
      for (let from = start; from < end; from += 1) target[to++] = bytes[from] as number;
      this.length = to;
    }
  }

  /** JSON's escapes are COPY's, except the quote, the slash and numeric ones. */
  #unescaped(bytes: Buffer, start: number, end: number): void {
    const target = this.bytes;
    for (let from = start; from < end; from += 1) {
      const byte = bytes[from] as number;
      if (byte !== backslash) {
        target[this.length++] = byte;
        continue;
      }
      from += 1;
      const next = bytes[from] as number;
      if (next === 0x75) {
        const last = this.#wholeEscape(bytes, from, end);
        this.#character(last < 0 ? replacement : codePoint(bytes, from, last));
        from = (last < 0 ? from + 5 : last) - 1;
      } else if (next === quote || next === 0x2f) target[this.length++] = next;
      else {
        target[this.length++] = backslash;
        target[this.length++] = next;
      }
    }
  }

  #character(code: number): void {
    const letter = code < 256 ? (escapes[code] as number) : 0;
    if (letter !== 0) {
      this.#put(backslash);
      this.#put(letter);
    } else if (code < 0x80) this.#put(code);
    else this.length += this.bytes.write(String.fromCodePoint(code), this.length);
  }

  #put(byte: number): void {
    this.bytes[this.length++] = byte;
  }
}

function codePoint(bytes: Buffer, at: number, end: number): number {
  const code = hex(bytes, at + 1);
  return end === at + 5 ? code : 0x10000 + ((code & 0x3ff) << 10) + (hex(bytes, at + 7) & 0x3ff);
}

/** The value of four hexadecimal digits. */
function hex(bytes: Buffer, start: number): number {
  let value = 0;
  for (let at = start; at < start + 4; at += 1) {
    const byte = bytes[at] as number;
    value = (value << 4) | ((byte & 0x0f) + (byte > 0x39 ? 9 : 0));
  }
  return value;
}
