import { headerWords } from '../places.ts';
import { Brackets } from './brackets.ts';
import { BrokenBodyError, KindTakenError, shown } from './broken-body.ts';
import { elementScan, elementSlots, pieceBytes, type TextState } from './element-scan.ts';
import { type OnPair, PairReader } from './ids.ts';
import { type Block, LineBuffer } from './line-buffer.ts';
import { findMember } from './member.ts';
import { Utf8Mender } from './utf8.ts';

export interface SplitterOptions {
  /** Added to each element as its first member; absent: elements as sent. */
  kind?: string | undefined;
  /**
   * Called as each element closes, with the digits of its own `policyId` and `hostId` (numbers or strings); undefined
   * for a missing or invalid one. Of a repeated member the last counts, as in JSON.parse.
   */
  onPair?: OnPair | undefined;
  /** Longest element accepted, default 512 MiB. */
  maxElementBytes?: number | undefined;
  /** Lines are handed over in blocks of this many bytes, default 256 KiB (the first ones sooner). */
  blockBytes?: number | undefined;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const ESCAPES = Array.from({ length: 0x20 }, (_, byte) =>
  Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
);
const BACKSLASH_TWICE = Buffer.of(BACKSLASH);

/**
 * The elements of JSON arrays, one per line, from bytes in any chunking. Nothing is parsed; no array is held.
 *
 * Takes   push(chunk) in order, then end()
 * Yields  blocks of whole lines: `{"kind":"KIND",` and the element's bytes without line breaks between tokens
 * Limits  memory holds a block and the current element; only memory bounds the nesting, at one bit per level
 * Throws  BrokenBodyError unless every element is an object whose strings and brackets close and match, only white
 *         space and commas are between elements, and every array closes; KindTakenError
 */
export class ElementSplitter {
  /** Elements closed so far. */
  elements = 0;
  /** Raw control characters in strings, written as escapes. */
  controlCharacters = 0;

  readonly #mender = new Utf8Mender();
  readonly #lines: LineBuffer;
  readonly #kind: boolean;
  readonly #onPair: OnPair | undefined;
  readonly #pairs: PairReader | undefined;
  readonly #maxElementBytes: number;
  #started = false;
  readonly #scanner = elementScan();
  #textState: TextState = { inString: 0, escaped: 0 };

  /** Depth 0: outside arrays; 1: in an array, between its elements; 2: in an element; more: deeper in it. */
  readonly #open = new Brackets();
  /** Position of the current piece in the text. */
  #position = 0;
  #elementStart = 0;
  /** The last byte but white space was an element's {. */
  #opened = false;
  /** The start of a possible member of interest, cut by the end of a piece. */
  #maybeMember: Buffer | undefined;
  #policyId: string | undefined;
  #hostId: string | undefined;

  // of the current piece
  #piece: Uint8Array = new Uint8Array(0);
  /** The same bytes. */
  #text: Buffer = Buffer.alloc(0);
  /** Everything before is copied, or between elements and checked. */
  #done = 0;
  /** Where to resume: after an event that plain elements may follow. */
  #resumeAt = 0;

  constructor(options: SplitterOptions = {}) {
    this.#kind = options.kind !== undefined;
    this.#onPair = options.onPair;
    this.#pairs = options.onPair && new PairReader(options.onPair);
    const prefix = options.kind === undefined ? '{' : `{"kind":${JSON.stringify(options.kind)},`;
    this.#lines = new LineBuffer(Buffer.from(prefix), options.blockBytes ?? 256 << 10);
    this.#maxElementBytes = options.maxElementBytes ?? 512 << 20;
  }

  /** Invalid UTF-8 sequences, written as U+FFFD. */
  get invalidUtf8(): number {
    return this.#mender.replaced;
  }

  /** Bytes not yet handed over, the current line included. */
  get heldBytes(): number {
    return this.#lines.held;
  }

  /** From now on only prove and count: no more blocks. */
  proveOnly(): void {
    this.#lines.stop();
  }

  /** Takes back the memory of a block that has been written. */
  recycle(block: Block): void {
    this.#lines.recycle(block);
  }

  push(chunk: Uint8Array): Block | undefined {
    for (const bytes of this.#mender.push(chunk)) this.#scanAll(bytes);
    return this.#lines.take();
  }

  /** The last lines. */
  end(): Block | undefined {
    for (const bytes of this.#mender.end()) this.#scanAll(bytes);
    if (this.#maybeMember !== undefined) this.#lookAtMember(this.#maybeMember, 0, true);
    if (this.#open.depth > 0) throw this.#broken('the text ends before the array is closed', 0);
    return this.#lines.takeAll();
  }

  #scanAll(bytes: Uint8Array): void {
    let from = this.#started ? 0 : afterMark(bytes);
    this.#started = true;
    this.#position += from;
    // plain views: Buffer views are slow to make
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; from < plain.length; from += pieceBytes) this.#scan(plain.subarray(from, from + pieceBytes));
  }

  #scan(piece: Uint8Array): void {
    this.#piece = piece;
    this.#text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.#done = 0;
    this.#lines.reserve(piece.length);
    if (this.#opened) this.#afterOpening(0);
    if (this.#maybeMember !== undefined)
      this.#lookAtMember(Buffer.concat([this.#maybeMember, piece]), 0, false);
    this.#scanner.load(piece);
    for (let at = 0; at < piece.length; at = this.#resumeAt) {
      this.#resumeAt = piece.length;
      const from = this.#open.depth === 1 && !this.#opened ? this.#plainElements(at) : at;
      this.#textState = this.#scanner.events(from, this.#textState, this.#onEvent);
    }
    if (this.#open.depth < 2) this.#skipBetween(piece.length);
    else {
      this.#copyTo(piece.length);
      this.#checkLength(piece.length);
    }
    this.#position += piece.length;
  }

  /** Writes the elements from `from` on that are lines as they are; yields where they end. */
  #plainElements(from: number): number {
    const { places, count, width, end } = this.#scanner.plainElements(from);
    for (let row = 0; row < count * width; row += width) {
      const [start, close] = [places[row]!, places[row + 1]!];
      const hasKind = places[row + headerWords + 2 * elementSlots.kind + 1] !== 0;
      if ((this.#kind && hasKind) || close - start > this.#maxElementBytes) return start;
      this.#lines.begin();
      this.#lines.writePart(this.#piece, start + 1, close);
      this.#lines.end();
      this.elements++;
      this.#done = close;
      this.#pairs?.read(this.#text, places, row);
    }
    this.#done = end;
    return end;
  }

  /** Whether plain elements may follow. */
  readonly #onEvent = (at: number, inString: boolean): boolean => {
    const byte = this.#piece[at]!;
    if (this.#open.depth < 2) this.#betweenElements(byte, at);
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open.open(byte === OPEN_OBJECT);
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#close(byte, at);
    else if (byte === QUOTE) {
      if (this.#open.depth === 2 && this.#maybeMember === undefined)
        this.#lookAtMember(this.#text, at, false);
    } else if (inString) this.#escape(byte, at);
    else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) this.#leaveOut(at);
    else if (byte !== TAB) throw this.#broken(`unexpected ${shown(byte)} outside a string`, at);
    if (this.#open.depth !== 1) return false;
    this.#resumeAt = at + 1;
    return true;
  };

  #betweenElements(byte: number, at: number): void {
    this.#skipBetween(at);
    this.#done = at + 1;
    if (this.#open.depth === 1 && byte === OPEN_OBJECT) {
      this.#elementStart = this.#position + at;
      this.#open.open(true);
      this.#lines.begin();
      this.#afterOpening(at + 1);
    } else if (this.#open.depth === 1 && byte === CLOSE_ARRAY) this.#open.depth = 0;
    else if (this.#open.depth === 0 && byte === OPEN_ARRAY) this.#open.depth = 1;
    else if (!isWhite(byte)) throw this.#notBetween(byte, at);
  }

  /** Checks the bytes before `to` between elements, or outside arrays. */
  #skipBetween(to: number): void {
    for (let at = this.#done; at < to; at++) {
      const byte = this.#piece[at]!;
      if (!isWhite(byte) && !(byte === COMMA && this.#open.depth === 1)) throw this.#notBetween(byte, at);
    }
  }

  /** After an element's {, at `from`: expects a name or }. */
  #afterOpening(from: number): void {
    let at = from;
    while (at < this.#piece.length && isWhite(this.#piece[at]!)) at++;
    this.#opened = at === this.#piece.length;
    if (this.#opened || this.#piece[at] === QUOTE) return;
    if (this.#piece[at] !== CLOSE_OBJECT)
      throw this.#broken(`expected a member's name or }, found ${shown(this.#piece[at]!)}`, at);
    this.#lines.beginEmpty();
    this.#done = at;
  }

  #close(bracket: number, at: number): void {
    const object = this.#open.close();
    if (object !== (bracket === CLOSE_OBJECT))
      throw this.#broken(`${object ? ']' : '}'} closes a ${object ? '{' : '['}`, at);
    if (this.#open.depth > 1) return;
    this.#checkLength(at + 1);
    this.#copyTo(at + 1);
    this.#lines.end();
    this.elements++;
    this.#onPair?.(this.#policyId, this.#hostId);
    this.#policyId = this.#hostId = undefined;
  }

  #escape(byte: number, at: number): void {
    this.#copyTo(at);
    // the backslash before it is already written: a second one keeps it a backslash
    if (this.#isEscaped(at)) this.#lines.write(BACKSLASH_TWICE);
    this.#lines.write(ESCAPES[byte]!);
    this.controlCharacters++;
    this.#done = at + 1;
  }

  #isEscaped(at: number): boolean {
    let before = at;
    while (before > 0 && this.#piece[before - 1] === BACKSLASH) before--;
    return (at - before) % 2 !== (before === 0 ? this.#textState.escaped : 0);
  }

  #leaveOut(at: number): void {
    this.#copyTo(at);
    this.#done = at + 1;
  }

  #copyTo(to: number): void {
    // an empty element's white space is already skipped
    if (this.#done < to) this.#lines.writePart(this.#piece, this.#done, to);
    this.#done = to;
  }

  /** Takes  from  the place of the opening quote of a string at the element's own level */
  #lookAtMember(bytes: Buffer, from: number, last: boolean): void {
    const found = findMember(bytes, from, last);
    this.#maybeMember = found === 'more' ? Buffer.from(bytes.subarray(from)) : undefined;
    if (typeof found === 'string') return;
    if (found.name === 'policyId') this.#policyId = found.value;
    else if (found.name === 'hostId') this.#hostId = found.value;
    else if (this.#kind) throw new KindTakenError(this.elements + 1, found.value ?? '');
  }

  #checkLength(at: number): void {
    if (this.#position + at - this.#elementStart <= this.#maxElementBytes) return;
    throw this.#broken(`longer than ${this.#maxElementBytes} bytes`, at);
  }

  #notBetween(byte: number, at: number): BrokenBodyError {
    const due = this.#open.depth === 1 ? "an object, a comma or the array's end" : 'a JSON array';
    return this.#broken(`expected ${due}, found ${shown(byte)}`, at);
  }

  #broken(what: string, at: number): BrokenBodyError {
    const element = this.#open.depth > 0 ? { element: this.elements + 1 } : {};
    return new BrokenBodyError(what, { ...element, byte: this.#position + at });
  }
}

function isWhite(byte: number): boolean {
  return byte === BLANK || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}

/** Start of the text after a byte order mark. */
function afterMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
