import { scanModule } from './scan-module.ts';

/** Exports of assembly/scan.ts; places are addresses in its memory. */
export interface ScanExports {
  memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  free(): number;
  nameRoom(length: number): number;
  addName(length: number, context: number, slot: number): number;
  setKindSlot(slot: number): void;
  scanLines(
    text: number,
    end: number,
    rows: number,
    rowsEnd: number,
    extras: number,
    extrasEnd: number,
  ): number;
  scanEnd(): number;
  scanWide(): number;
  extrasEnd(): number;
  scanElements(text: number, start: number, rows: number, rowsEnd: number): number;
  beginEvents(start: number, end: number, startsInString: number, startsEscaped: number): void;
  nextEvent(): number;
  endsInString(): number;
  endsEscaped(): number;
}

/** The part of WebAssembly in use; its types come with the browser's, which this suite does not use. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { exports: object };
};

const PAGE_BYTES = 64 << 10;
let compiled: object | undefined;

/** A scanner with its own names and memory. */
export function newScan(): ScanExports {
  compiled ??= new WebAssembly.Module(Buffer.from(scanModule, 'base64'));
  return new WebAssembly.Instance(compiled).exports as ScanExports;
}

/** Grows the memory to at least `bytes`. */
export function growTo(bytes: number, { memory }: ScanExports): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
