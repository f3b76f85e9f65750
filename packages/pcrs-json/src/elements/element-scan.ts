import { growTo, newScan, type ScanExports } from '../module.ts';
import { headerWords } from '../places.ts';

/** The most that is scanned at a time. */
export const pieceBytes = 256 << 10;

/** Where a text stands between two pieces. */
export interface TextState {
  /** 1 if the piece ends inside a string. */
  inString: number;
  /** 1 if its last byte is a backslash that escapes the next. */
  escaped: number;
}

/** Elements that may be written as they stand: rows of places, see places.ts; `end` is where the next thing to look at begins. */
export interface Found {
  places: Int32Array;
  count: number;
  width: number;
  end: number;
}

/** The members of an element that are looked at, as assembly/scan.ts has them. */
export const elementSlots = { kind: 0, policyId: 1, hostId: 2 } as const;
const ROWS_BYTES = 256 << 10;
/** Behind the text: a zero byte, which ends any string, and what the scanner may load past it. */
const PADDING = 64;

let shared: ElementScan | undefined;

/** The one scanner of all splitters: none keeps anything in it between two pieces. */
export function elementScan(): ElementScan {
  shared ??= new ElementScan();
  return shared;
}

/** A piece of a JSON text in the scanner's memory, looked at in two ways: fast over plain elements, and by its events. */
class ElementScan {
  readonly #scan: ScanExports = newScan();
  readonly #rows: number;
  readonly #text: number;
  readonly #memory: Uint8Array;
  readonly #places: Int32Array;
  readonly #width: number;
  #length = 0;

  constructor() {
    this.#width = headerWords + 2 * Object.keys(elementSlots).length;
    this.#rows = (this.#scan.free() + 15) & ~15;
    this.#text = this.#rows + ROWS_BYTES;
    growTo(this.#text + pieceBytes + PADDING, this.#scan);
    this.#memory = new Uint8Array(this.#scan.memory.buffer);
    this.#places = new Int32Array(this.#scan.memory.buffer, this.#rows);
  }

  /** Takes  piece  at most pieceBytes; what follows is asked of it until the next */
  load(piece: Uint8Array): void {
    this.#memory.set(piece, this.#text);
    this.#memory[this.#text + piece.length] = 0;
    this.#length = piece.length;
  }

  /**
   * Elements from `from` on, which stands between two of them: those that are lines as they stand, up to the first that is
   * not, or is cut.
   */
  plainElements(from: number): Found {
    const scan = this.#scan;
    const count = scan.scanElements(this.#text, this.#text + from, this.#rows, this.#text);
    return { places: this.#places, count, width: this.#width, end: scan.scanEnd() - this.#text };
  }

  /**
   * What a splitter has to look at from `from` on, one at a time: brackets, backslashes and bytes above 0x7f outside strings,
   * bytes below 0x20 anywhere, and opening quotes of strings that begin with k, p, h or a backslash, or end the piece.
   *
   * Takes   onEvent   told of each in order; `inString` if it lies in a string, opening quotes included; true stops
   */
  events(from: number, state: TextState, onEvent: (at: number, inString: boolean) => boolean): TextState {
    const scan = this.#scan;
    scan.beginEvents(this.#text + from, this.#text + this.#length, state.inString, state.escaped);
    for (let event = scan.nextEvent(); event >= 0; event = scan.nextEvent())
      if (onEvent((event >> 1) - this.#text, (event & 1) === 1)) break;
    return { inString: scan.endsInString(), escaped: scan.endsEscaped() };
  }
}
