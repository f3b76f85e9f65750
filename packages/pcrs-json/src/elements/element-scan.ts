import { growTo, newScan, type ScanExports } from '../module.ts';
import { headerWords } from '../places.ts';

/** Largest piece for one scan. */
export const pieceBytes = 256 << 10;

/** State of a text between two pieces. */
export interface TextState {
  /** 1 if the piece ends inside a string. */
  inString: number;
  /** 1 if its last byte is a backslash that escapes the next. */
  escaped: number;
}

/**
 * Elements that may be written unchanged: rows of places, see places.ts; `end` is where the next thing to look at
 * begins.
 */
interface Found {
  places: Int32Array;
  count: number;
  width: number;
  end: number;
}

/** The members of interest in an element, as in assembly/scan.ts. */
export const elementSlots = { kind: 0, policyId: 1, hostId: 2 } as const;
const ROWS_BYTES = 256 << 10;
/** After the text: a zero byte, which ends any string, and bytes that the scanner may load past it. */
const PADDING = 64;

let shared: ElementScan | undefined;

/** The one scanner shared by all splitters: none keeps state in it between two pieces. */
export function elementScan(): ElementScan {
  shared ??= new ElementScan();
  return shared;
}

/** A piece of JSON text in the scanner's memory, read in two ways: fast over plain elements, and by events. */
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

  /** Takes  piece  at most pieceBytes; the other methods refer to it until the next call */
  load(piece: Uint8Array): void {
    this.#memory.set(piece, this.#text);
    this.#memory[this.#text + piece.length] = 0;
    this.#length = piece.length;
  }

  /**
   * Elements from `from` on, a place between two of them: those that are lines as they are, up to the first that is
   * not, or is cut.
   */
  plainElements(from: number): Found {
    const scan = this.#scan;
    const count = scan.scanElements(this.#text, this.#text + from, this.#rows, this.#text);
    return { places: this.#places, count, width: this.#width, end: scan.scanEnd() - this.#text };
  }

  /**
   * The events from `from` on, one at a time: brackets, backslashes and bytes above 0x7f outside strings, bytes below
   * 0x20 anywhere, and opening quotes of strings that start with k, p, h or a backslash, or end the piece.
   *
   * Takes   onEvent   called with each in order; `inString` if it is in a string, opening quotes included; returning
   *                   true stops
   */
  events(from: number, state: TextState, onEvent: (at: number, inString: boolean) => boolean): TextState {
    const scan = this.#scan;
    scan.beginEvents(this.#text + from, this.#text + this.#length, state.inString, state.escaped);
    for (let event = scan.nextEvent(); event >= 0; event = scan.nextEvent())
      if (onEvent((event >> 1) - this.#text, (event & 1) === 1)) break;
    return { inString: scan.endsInString(), escaped: scan.endsEscaped() };
  }
}
