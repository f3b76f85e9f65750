import { isUtf8 } from 'node:buffer';
import { growTo, newScan, type ScanExports } from './module.ts';
import { type NamePath, Names } from './names.ts';
import { headerWords, verdicts } from './places.ts';

export type { NamePath } from './names.ts';

/**
 * Whole lines, and the places of their members, counted from the first byte of `bytes`; see places.ts. All three are views,
 * valid until the next are asked for.
 */
export interface Lines {
  bytes: Buffer;
  /** `count` rows of `width` words. */
  places: Int32Array;
  extras: Int32Array;
  count: number;
  width: number;
  /** The last line has no line feed: it may be cut. */
  unended: boolean;
}

export interface LineScannerOptions {
  /** Names of the recorded values, each in the slot of its index. */
  names: readonly NamePath[];
  /** Known values of `kind`. */
  kinds?: readonly string[] | undefined;
  /** Longer lines are passed on unscanned. Default 16 MiB, at most 128. */
  maxLineBytes?: number | undefined;
}

const LINE_FEED = 0x0a;
const FIRST_TEXT_BYTES = 512 << 10;
const ROWS_BYTES = 512 << 10;
const EXTRAS_BYTES = 64 << 10;
/** After the text: a line feed, and bytes that the scanner may load past it. */
const PADDING = 64;

/**
 * Finds the members of NDJSON records in one pass, and proves each line to be JSON, or passes it on as strange.
 *
 * Takes   push(chunk) in any chunking, then end(); a leading byte order mark is dropped
 * Yields  whole lines as soon as they arrive, each once and in order
 * Limits  memory holds the current line and a chunk, 16 MiB by default; a longer line is collected outside, unscanned
 */
export class LineScanner {
  readonly #scan: ScanExports = newScan();
  readonly #names: Names;
  readonly #maxTextBytes: number;
  readonly #rows: number;
  readonly #extras: number;
  readonly #text: number;
  #memory: Buffer = Buffer.alloc(0);
  #textBytes = 0;
  /** Bytes of the current line, which has no end yet. */
  #held = 0;
  /** Pieces of a line that is too long. */
  #long: Buffer[] = [];
  #started = false;

  /** Throws  RangeError if a name is given twice, or there are too many (about 1000) */
  constructor({ names, kinds = [], maxLineBytes = 16 << 20 }: LineScannerOptions) {
    this.#names = new Names(this.#scan, names, kinds);
    this.#maxTextBytes = maxLineBytes + 1;
    this.#rows = (this.#scan.free() + 15) & ~15;
    this.#extras = this.#rows + ROWS_BYTES;
    this.#text = this.#extras + EXTRAS_BYTES;
    this.#makeRoom(Math.min(FIRST_TEXT_BYTES, this.#maxTextBytes));
  }

  /** The slot of a name from the next lines on; a new name makes the rows wider. Undefined if there are too many. */
  addName(name: NamePath): number | undefined {
    return this.#names.add(name);
  }

  *push(chunk: Uint8Array): Generator<Lines, void> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#long.length > 0) {
        const feed = chunk.indexOf(LINE_FEED, at);
        const end = feed < 0 ? chunk.length : feed;
        this.#long.push(Buffer.from(chunk.subarray(at, end)));
        at = end + 1;
        if (feed >= 0) yield this.#longLine(false);
        continue;
      }
      const end = Math.min(chunk.length, at + this.#textBytes - this.#held);
      this.#memory.set(chunk.subarray(at, end), this.#text + this.#held);
      const from = this.#held;
      this.#held += end - at;
      at = end;
      yield* this.#wholeLines(from);
      if (this.#held === this.#textBytes) this.#outgrow();
    }
  }

  /** A last line without a line feed. */
  *end(): Generator<Lines, void> {
    if (this.#long.length > 0) yield this.#longLine(true);
    if (this.#held === 0) return;
    this.#memory[this.#text + this.#held] = LINE_FEED;
    this.#held++;
    for (const lines of this.#scanned(this.#afterMark(), this.#held)) yield { ...lines, unended: true };
    this.#held = 0;
  }

  /** Takes  from  the first place where a line feed may be */
  *#wholeLines(from: number): Generator<Lines> {
    const fresh = this.#memory.subarray(this.#text + from, this.#text + this.#held);
    const end = from + fresh.lastIndexOf(LINE_FEED) + 1;
    if (end === from) return;
    yield* this.#scanned(this.#afterMark(), end);
    this.#memory.copyWithin(this.#text, this.#text + end, this.#text + this.#held);
    this.#held -= end;
  }

  *#scanned(from: number, end: number): Generator<Lines> {
    const scan = this.#scan;
    for (let start = this.#text + from; start < this.#text + end; ) {
      const width = headerWords + 2 * this.#names.count;
      const count = scan.scanLines(
        start,
        this.#text + end,
        this.#rows,
        this.#extras,
        this.#extras,
        this.#text,
      );
      const { buffer } = this.#memory;
      const lines = {
        bytes: this.#memory.subarray(start, scan.scanEnd()),
        places: new Int32Array(buffer, this.#rows, count * width),
        extras: new Int32Array(buffer, this.#extras, (scan.extrasEnd() - this.#extras) >> 2),
        count,
        width,
        unended: false,
      };
      if (scan.scanWide() !== 0 && !isUtf8(lines.bytes)) markBroken(lines);
      start = scan.scanEnd();
      yield lines;
    }
  }

  /** Start of the text: after a stream's byte order mark. */
  #afterMark(): number {
    if (this.#started) return 0;
    this.#started = true;
    const at = this.#text;
    const [a, b, c] = [this.#memory[at], this.#memory[at + 1], this.#memory[at + 2]];
    return this.#held >= 3 && a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
  }

  /** The current line fills the text: makes more room, or gives up on a line that is too long. */
  #outgrow(): void {
    if (this.#textBytes < this.#maxTextBytes) {
      this.#makeRoom(Math.min(2 * this.#textBytes, this.#maxTextBytes));
      return;
    }
    const from = this.#text + this.#afterMark();
    this.#long.push(Buffer.from(this.#memory.subarray(from, this.#text + this.#held)));
    this.#held = 0;
  }

  #makeRoom(textBytes: number): void {
    growTo(this.#text + textBytes + PADDING, this.#scan);
    this.#textBytes = textBytes;
    this.#memory = Buffer.from(this.#scan.memory.buffer);
  }

  #longLine(unended: boolean): Lines {
    const bytes = Buffer.concat(this.#long);
    this.#long = [];
    const width = headerWords + 2 * this.#names.count;
    const places = new Int32Array(width);
    places[1] = bytes.length;
    places[2] = verdicts.tooLong;
    return { bytes, places, extras: new Int32Array(0), count: 1, width, unended };
  }
}

/** The scan accepts any bytes above 0x7f: this marks lines that are not UTF-8. */
function markBroken({ bytes, places, count, width }: Lines): void {
  for (let at = 0; at < count * width; at += width)
    if (places[at + 2] === verdicts.plain && !isUtf8(bytes.subarray(places[at], places[at + 1])))
      places[at + 2] = verdicts.notUtf8;
}
