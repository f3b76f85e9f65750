import { scanModule } from './scan-module.ts';

/** What assembly/scan.ts exports; places are addresses in its memory. */
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

/** The part of WebAssembly that is used; its types come with the browser's, which this suite has no use for. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { exports: object };
};

const PAGE_BYTES = 64 << 10;
let compiled: object | undefined;

/** A scanner with names and memory of its own. */
export function newScan(): ScanExports {
  compiled ??= new WebAssembly.Module(Buffer.from(scanModule, 'base64'));
  return new WebAssembly.Instance(compiled).exports as ScanExports;
}

/** Memory of at least `bytes`. */
export function growTo(bytes: number, { memory }: ScanExports): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
