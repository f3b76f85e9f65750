import { BrokenBodyError, KindTakenError } from './elements-errors.ts';
import { Utf8Mender } from './elements-utf8.ts';

/** Whole lines, each ended by a line feed, and how many they are. */
export interface Block {
  bytes: Uint8Array;
  count: number;
}

export interface SplitterOptions {
  /** Put in front of each element as its first member; absent: elements as sent. */
  kind?: string | undefined;
  /** Longest element taken, default 512 MiB. */
  maxElementBytes?: number | undefined;
  /** Lines are handed over once there are so many bytes of them, default 256 KiB (the first ones sooner). */
  blockBytes?: number | undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LINE_FEED = 0x0a;

// where the scan stands between two bytes
const OUTSIDE = 0; //  before, between and after arrays
const BETWEEN = 1; //  in an array, between its elements
const OPENED = 2; //   after an element's {
const TOKENS = 3; //   in an element, outside strings
const STRING = 4;
const ESCAPE = 5; //   after a backslash
const NAMED = 6; //    after a string "kind" of the element's own level: a name if a colon follows
const VALUE = 7; //    after that colon

/** Inside strings: 1 where the scan must stop. */
const STOPS_STRING = new Uint8Array(256);
STOPS_STRING.fill(1, 0, 0x20);
STOPS_STRING[QUOTE] = STOPS_STRING[BACKSLASH] = 1;

// outside strings
const PLAIN = 0;
const BREAK = 1;
const NO_JSON = 2;
const TOKEN_CLASS = new Uint8Array(256).fill(NO_JSON);
for (const byte of Buffer.from(' \t+-.,:0123456789')) TOKEN_CLASS[byte] = PLAIN;
for (let byte = 0x41; byte <= 0x5a; byte++) TOKEN_CLASS[byte] = TOKEN_CLASS[byte + 0x20] = PLAIN;
TOKEN_CLASS[LINE_FEED] = TOKEN_CLASS[0x0d] = BREAK;
for (const byte of [QUOTE, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT]) TOKEN_CLASS[byte] = byte;

const CONTROL_ESCAPES = Array.from({ length: 0x20 }, (_, byte) =>
  Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
);
const AFTER_BACKSLASH = CONTROL_ESCAPES.map((written) => Buffer.concat([Buffer.of(BACKSLASH), written]));
const NEW_LINE = Buffer.of(LINE_FEED);
const NOTHING = new Uint8Array(0);
/** "kind" with each letter spelled \u0000 is the longest way to write it. */
const LONGEST_NAME = 24;
const VALUE_BYTES = 80;
const FIRST_BLOCK = 16 << 10;

/**
 * The elements of JSON arrays, one a line, out of bytes that come in any chunking. Nothing is parsed, the array is never held.
 *
 * Takes   push(chunk) in order, then end()
 * Yields  blocks of whole lines: `{"kind":"KIND",` and the element's own bytes without the line breaks between its tokens
 * Limits  memory holds a block and the element under way; nesting is bounded by memory only, a bit a level
 * Throws  BrokenBodyError unless every element is an object whose strings and brackets close and match, nothing but white space
 *         and commas stands between elements, and every array closes; KindTakenError
 */
export class ElementSplitter {
  /** Elements closed so far. */
  elements = 0;
  /** Raw control characters in strings, written as escapes. */
  controlCharacters = 0;

  readonly #mender = new Utf8Mender();
  readonly #prefix: Uint8Array;
  readonly #kind: boolean;
  readonly #maxElementBytes: number;
  readonly #blockBytes: number;
  #threshold: number;
  #writing = true;
  #started = false;

  #state = OUTSIDE;
  #depth = 0;
  #objects = new Uint8Array(16);
  #position = 0;
  #elementStart = 0;
  #name: Uint8Array | undefined;
  #value = '';

  #out = Buffer.allocUnsafeSlow(FIRST_BLOCK * 2);
  #outLength = 0;
  #linesLength = 0;
  #lines = 0;

  constructor(options: SplitterOptions = {}) {
    this.#kind = options.kind !== undefined;
    this.#prefix = Buffer.from(options.kind === undefined ? '{' : `{"kind":${JSON.stringify(options.kind)},`);
    this.#maxElementBytes = options.maxElementBytes ?? 512 << 20;
    this.#blockBytes = options.blockBytes ?? 256 << 10;
    this.#threshold = Math.min(FIRST_BLOCK, this.#blockBytes);
  }

  /** Invalid UTF-8 sequences, written as U+FFFD. */
  get invalidUtf8(): number {
    return this.#mender.replaced;
  }

  /** From here on only prove and count: no more blocks. */
  proveOnly(): void {
    this.#writing = false;
    this.#outLength = this.#linesLength = this.#lines = 0;
    this.#out = Buffer.allocUnsafeSlow(0);
  }

  push(chunk: Uint8Array): Block | undefined {
    for (const bytes of this.#mender.push(chunk)) this.#scan(this.#started ? bytes : this.#start(bytes));
    return this.#linesLength >= this.#threshold ? this.#handOver() : undefined;
  }

  /** The last lines. */
  end(): Block | undefined {
    for (const bytes of this.#mender.end()) this.#scan(bytes);
    if (this.#state === VALUE && this.#value.trim() !== '')
      throw new KindTakenError(this.elements + 1, this.#value.trim());
    if (this.#state !== OUTSIDE) throw this.#broken('the text ends before the array is closed');
    return this.#lines > 0 ? this.#handOver() : undefined;
  }

  /** The text's first bytes, without a byte order mark. */
  #start(bytes: Uint8Array): Uint8Array {
    this.#started = true;
    if (bytes[0] !== 0xef || bytes[1] !== 0xbb || bytes[2] !== 0xbf) return bytes;
    this.#position = 3;
    return bytes.subarray(3);
  }

  #scan(chunk: Uint8Array): void {
    const end = chunk.length;
    const stops = STOPS_STRING;
    const classes = TOKEN_CLASS;
    let at = 0;
    // bytes of the element from here on are not copied yet
    let from = 0;
    let nameFrom = 0;
    while (at < end) {
      switch (this.#state) {
        case STRING: {
          while (at < end && stops[chunk[at]!] === 0) at++;
          if (at === end) break;
          const byte = chunk[at]!;
          if (byte === QUOTE) {
            this.#state =
              this.#name !== undefined && this.#isKind(chunk.subarray(nameFrom, at)) ? NAMED : TOKENS;
            at++;
          } else if (byte === BACKSLASH) {
            at++;
            if (at < end && chunk[at]! >= 0x20) at++;
            else this.#state = ESCAPE;
          } else {
            this.#copy(chunk, from, at);
            this.#write(CONTROL_ESCAPES[byte]!);
            this.controlCharacters++;
            from = ++at;
          }
          break;
        }
        case TOKENS: {
          while (at < end && classes[chunk[at]!] === PLAIN) at++;
          if (at === end) break;
          const found = classes[chunk[at]!]!;
          if (found === QUOTE) {
            at++;
            this.#state = STRING;
            // only a name that begins with k or an escape can be "kind"
            if (
              this.#depth === 2 &&
              this.#kind &&
              (at === end || chunk[at] === 0x6b || chunk[at] === BACKSLASH)
            ) {
              this.#name = NOTHING;
              nameFrom = at;
            }
          } else if (found === BREAK) {
            this.#copy(chunk, from, at);
            from = ++at;
          } else if (found === NO_JSON) {
            throw this.#broken(`unexpected byte ${hex(chunk[at]!)} outside a string`, at);
          } else if (found === OPEN_OBJECT || found === OPEN_ARRAY) {
            this.#open(found === OPEN_OBJECT);
            at++;
          } else {
            this.#close(found, at);
            at++;
            if (this.#depth === 1) {
              this.#copy(chunk, from, at);
              this.#closeElement(at);
            }
          }
          break;
        }
        case BETWEEN:
          at = this.#between(chunk, at);
          from = at;
          break;
        case OUTSIDE:
          at = this.#outside(chunk, at);
          break;
        case OPENED: {
          const byte = chunk[at]!;
          if (byte === QUOTE) this.#state = TOKENS;
          else if (byte === CLOSE_OBJECT) {
            this.#emptyElement();
            from = at;
            this.#state = TOKENS;
          } else if (isBreak(byte)) {
            this.#copy(chunk, from, at);
            from = ++at;
          } else if (isBlank(byte)) at++;
          else throw this.#broken(`expected a member's name or }, found byte ${hex(byte)}`, at);
          break;
        }
        case ESCAPE:
          this.#state = STRING;
          if (chunk[at]! < 0x20) {
            // the backslash is written already: a second one keeps it a backslash in front of the escape
            this.#copy(chunk, from, at);
            this.#write(AFTER_BACKSLASH[chunk[at]!]!);
            this.controlCharacters++;
            from = at + 1;
          }
          at++;
          break;
        case NAMED: {
          const byte = chunk[at]!;
          if (byte === COLON) {
            this.#state = VALUE;
            this.#value = '';
            at++;
          } else if (isBlank(byte)) at++;
          else this.#state = TOKENS;
          break;
        }
        case VALUE:
          at = this.#kindTaken(chunk, at);
          break;
      }
    }
    if (this.#name !== undefined && this.#state >= STRING) this.#keepName(chunk.subarray(nameFrom));
    this.#position += end;
    if (this.#state >= OPENED) {
      if (this.#position - this.#elementStart > this.#maxElementBytes) throw this.#tooLong();
      this.#copy(chunk, from, end);
    }
  }

  #between(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && (isBlank(chunk[at]!) || isBreak(chunk[at]!) || chunk[at] === COMMA)) at++;
    if (at === chunk.length) return at;
    const byte = chunk[at]!;
    if (byte === CLOSE_ARRAY) {
      this.#state = OUTSIDE;
      this.#depth = 0;
    } else if (byte === OPEN_OBJECT) {
      this.#state = OPENED;
      this.#elementStart = this.#position + at;
      this.#open(true);
      this.#write(this.#prefix);
    } else throw this.#broken(`expected an object, a comma or the array's end, found byte ${hex(byte)}`, at);
    return at + 1;
  }

  #outside(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && (isBlank(chunk[at]!) || isBreak(chunk[at]!))) at++;
    if (at === chunk.length) return at;
    if (chunk[at] !== OPEN_ARRAY)
      throw this.#broken(`expected a JSON array, found byte ${hex(chunk[at]!)}`, at);
    this.#state = BETWEEN;
    this.#depth = 1;
    return at + 1;
  }

  #open(object: boolean): void {
    const depth = this.#depth++;
    const byte = depth >> 3;
    if (byte >= this.#objects.length) {
      const wider = new Uint8Array(this.#objects.length * 2);
      wider.set(this.#objects);
      this.#objects = wider;
    }
    const bit = 1 << (depth & 7);
    if (object) this.#objects[byte]! |= bit;
    else this.#objects[byte]! &= ~bit;
  }

  #close(bracket: number, at: number): void {
    const depth = --this.#depth;
    const object = (this.#objects[depth >> 3]! & (1 << (depth & 7))) !== 0;
    if (object !== (bracket === CLOSE_OBJECT))
      throw this.#broken(`${object ? ']' : '}'} closes a ${object ? '{' : '['}`, at);
  }

  #closeElement(at: number): void {
    if (this.#position + at - this.#elementStart > this.#maxElementBytes) throw this.#tooLong();
    this.#write(NEW_LINE);
    this.#state = BETWEEN;
    this.elements++;
    if (!this.#writing) return;
    this.#lines++;
    this.#linesLength = this.#outLength;
  }

  /** `{ }` becomes `{"kind":"posture"}`: the comma of the prefix and the white space go. */
  #emptyElement(): void {
    if (this.#writing) this.#outLength = this.#linesLength + this.#prefix.length - (this.#kind ? 1 : 0);
  }

  /** Whether the string that ends here spells "kind". */
  #isKind(last: Uint8Array): boolean {
    const name = Buffer.concat([this.#name!, last]);
    this.#name = undefined;
    if (name.length === 4) return name.toString('latin1') === 'kind';
    if (name.length > LONGEST_NAME || !name.includes(BACKSLASH)) return false;
    try {
      return JSON.parse(`"${name}"`) === 'kind';
    } catch {
      return false;
    }
  }

  #keepName(part: Uint8Array): void {
    const name = Buffer.concat([this.#name!, part]);
    this.#name = name.length > LONGEST_NAME ? undefined : name;
  }

  #kindTaken(chunk: Uint8Array, at: number): number {
    this.#value += Buffer.from(chunk.subarray(at, at + VALUE_BYTES)).toString();
    const whole = /^\s*("(?:[^"\\]|\\.)*"|[^\s",}\]]+(?=[\s,}\]]))/s.exec(this.#value)?.[1];
    if (whole === undefined && this.#value.length < VALUE_BYTES) return chunk.length;
    throw new KindTakenError(this.elements + 1, (whole ?? this.#value.trim()).slice(0, VALUE_BYTES));
  }

  #copy(chunk: Uint8Array, from: number, to: number): void {
    if (from < to) this.#write(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #write(bytes: Uint8Array): void {
    if (!this.#writing) return;
    const end = this.#outLength + bytes.length;
    if (end > this.#out.length) {
      const wider = Buffer.allocUnsafeSlow(Math.max(end, this.#out.length * 2));
      wider.set(this.#out.subarray(0, this.#outLength));
      this.#out = wider;
    }
    this.#out.set(bytes, this.#outLength);
    this.#outLength = end;
  }

  #handOver(): Block {
    const block = { bytes: this.#out.subarray(0, this.#linesLength), count: this.#lines };
    const rest = this.#out.subarray(this.#linesLength, this.#outLength);
    this.#threshold = Math.min(this.#threshold * 2, this.#blockBytes);
    this.#out = Buffer.allocUnsafeSlow(Math.max(this.#threshold * 2, rest.length * 2));
    this.#out.set(rest);
    this.#outLength = rest.length;
    this.#linesLength = this.#lines = 0;
    return block;
  }

  #tooLong(): BrokenBodyError {
    return this.#broken(`longer than ${this.#maxElementBytes} bytes`);
  }

  #broken(what: string, at?: number): BrokenBodyError {
    const inElement = this.#state >= OPENED || this.#state === BETWEEN;
    return new BrokenBodyError(what, {
      ...(inElement ? { element: this.elements + 1 } : {}),
      byte: this.#position + (at ?? 0),
    });
  }
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function isBreak(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function hex(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `0x${byte.toString(16).padStart(2, '0')}`;
}
