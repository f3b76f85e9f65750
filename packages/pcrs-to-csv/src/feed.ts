import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { type ByteBlock, byteBlocks } from 'pcrs-records/lines';
import type { SinkInput, SinkRecord } from 'pcrs-sink/sink-input';
import type { CsvTable } from './table.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Brings the records of a stream to their tables, in order.
 *
 * Takes   tableOf  the table of a kind, asked for the first record of the stream first; undefined where there is none
 * Yields  after each block, so that what the tables hold can be taken
 * Throws  as `SinkInput.blocks()`, after the records before were yielded for; and what `tableOf` throws
 */
export async function* feed(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  input: SinkInput,
  tableOf: (kind: string) => CsvTable | undefined,
): AsyncGenerator<void> {
  const feeder = new Feeder(input, tableOf);
  for await (const block of byteBlocks(chunks)) {
    let failure: unknown;
    try {
      feeder.take(block);
    } catch (error) {
      failure = error;
    }
    yield;
    if (failure !== undefined) throw failure;
  }
}

class Feeder {
  readonly #input: SinkInput;
  readonly #tableOf: (kind: string) => CsvTable | undefined;
  /** The table of the record before: likely that of the next. */
  #table: CsvTable | undefined;
  /** Lines that the table took since the input was told. */
  #taken = 0;
  /** Of their lines. */
  #sum = 0;

  constructor(input: SinkInput, tableOf: (kind: string) => CsvTable | undefined) {
    this.#input = input;
    this.#tableOf = tableOf;
  }

  take({ bytes, firstLine, unterminated }: ByteBlock): void {
    const clean = isUtf8(bytes);
    if (!clean) this.#input.notUtf8(firstLine);
    let line = firstLine;
    for (let at = 0; at < bytes.length; line += 1) {
      let end = clean && this.#table ? this.#table.addLine(bytes, at) : -1;
      if (end >= 0) {
        this.#taken += 1;
        this.#sum += crc32(bytes.subarray(at, bytes[end - 1] === carriageReturn ? end - 1 : end));
      } else {
        this.#tell();
        end = bytes.indexOf(lineFeed, at);
        const last = end < 0;
        if (last) end = bytes.length;
        const cut = bytes[end - 1] === carriageReturn && end > at ? end - 1 : end;
        this.#parse(bytes.toString('utf8', at, cut), line, last && unterminated);
      }
      at = end + 1;
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#taken > 0) this.#input.took((this.#table as CsvTable).kind, this.#taken, this.#sum);
    this.#taken = 0;
    this.#sum = 0;
  }

  #parse(text: string, line: number, last: boolean): void {
    const records: SinkRecord[] = [];
    try {
      this.#input.takeLine(text, line, last, records);
    } finally {
      for (const record of records) this.#add(record);
    }
  }

  #add(record: SinkRecord): void {
    const table = this.#tableOf(record.kind);
    if (table === undefined) return;
    this.#table = table;
    const wrong = table.add(record.value, record.text);
    if (wrong !== undefined) this.#input.reject(record, wrong);
  }
}
