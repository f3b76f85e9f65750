import { encoded, isAscii } from './byte-lines.ts';
import { NumberList } from './number-list.ts';
import {
  bigintValue,
  encodedValue,
  lineEntry,
  nullValue,
  numberValue,
  type PostureBatch,
  recordEntry,
  recordWithControl,
  textValue,
  typesPerSlot,
} from './posture-batch.ts';
import type { Bound } from './values.ts';

/** Puts the entries of a batch together. */
export class BatchWriter {
  readonly #entries = new NumberList();
  #texts: string[] = [];
  /** Of the record at hand. */
  #values: string[] = [];
  /** Where the record's count of values stands. */
  #countAt = 0;

  /** A line as it is: a byte text. */
  line(line: number, text: string): void {
    this.#entries.push(lineEntry);
    this.#entries.push(line);
    this.#entries.push(text.length);
    this.#texts.push(text);
  }

  /** A record, whose values follow until `endRecord`. */
  beginRecord(line: number, shape: number, withControl: boolean): void {
    this.#entries.push(withControl ? recordWithControl : recordEntry);
    this.#entries.push(line);
    this.#entries.push(shape);
    this.#countAt = this.#entries.length;
    this.#entries.push(0);
  }

  value(slot: number, value: Bound): void {
    if (typeof value === 'string') this.#put(slot, textValue, value);
    else if (value === null) this.#put(slot, nullValue, '');
    else this.#put(slot, typeof value === 'number' ? numberValue : bigintValue, String(value));
  }

  endRecord(): void {
    const values = this.#values;
    this.#entries.put(this.#countAt, values.length);
    // As one text they do not hold on to the line that they were cut from.
    let text = values.join('');
    if (!isAscii(text)) {
      for (const place of values.keys()) this.#encode(place);
      text = values.join('');
    }
    this.#texts.push(text);
    this.#values = [];
  }

  /** What was put together; a new batch begins. */
  take(): Pick<PostureBatch, 'text' | 'entries'> {
    const text = this.#texts.join('');
    this.#texts = [];
    return { text, entries: this.#entries.take() };
  }

  #put(slot: number, type: number, text: string): void {
    this.#entries.push(slot * typesPerSlot + type);
    this.#entries.push(text.length);
    this.#values.push(text);
  }

  /** Makes a byte text of the record's value at this place. */
  #encode(place: number): void {
    const text = this.#values[place] as string;
    if (isAscii(text)) return;
    const bytes = encoded(text);
    const at = this.#countAt + 1 + 2 * place;
    this.#entries.put(at, this.#entries.get(at) - textValue + encodedValue);
    this.#entries.put(at + 1, bytes.length);
    this.#values[place] = bytes;
  }
}
