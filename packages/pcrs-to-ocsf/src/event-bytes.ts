import { jsonAt } from 'pcrs-sink/members';
import { forms } from 'pcrs-sink/places';
import type { Posture } from './posture.ts';

const pageBytes = 256 * 1024;
const [quote, comma, brace, lineFeed] = [0x22, 0x2c, 0x7d, 0x0a];

/**
 * Lines of JSON, assembled from pieces made once and from values copied as they came, so that nothing becomes a
 * string in between. Each member ends with a comma; `close` removes the last one.
 */
export class EventBytes {
  #page = Buffer.allocUnsafe(pageBytes);
  #length = 0;
  #full: Uint8Array[] = [];

  /** Makes room for a line. */
  begin(atMost: number): void {
    if (this.#length + atMost > this.#page.length) this.#turn(atMost);
  }

  piece(bytes: Uint8Array): void {
    this.#page.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes a value as it came. */
  json(posture: Posture, column: number): void {
    const around = posture.form(column) >= forms.string ? 1 : 0;
    this.#copy(posture.bytes, posture.start(column) - around, posture.end(column) + around);
  }

  /** Writes a value as a string: OCSF wants ids as strings. */
  string(posture: Posture, column: number): void {
    if (posture.form(column) >= forms.string) this.json(posture, column);
    else {
      this.#page[this.#length++] = quote;
      this.inner(posture, column);
      this.#page[this.#length++] = quote;
    }
  }

  /** Writes a value as the text between the quotes of a string. */
  inner(posture: Posture, column: number): void {
    const [form, start, end] = [posture.form(column), posture.start(column), posture.end(column)];
    if (form === forms.nested || form === forms.nestedWide)
      this.text(JSON.stringify(jsonAt(posture.bytes, form, start, end)).slice(1, -1));
    else this.#copy(posture.bytes, start, end);
  }

  text(text: string): void {
    this.#length += this.#page.write(text, this.#length);
  }

  comma(): void {
    this.#page[this.#length++] = comma;
  }

  /** Ends an object, or with another bracket an array. */
  close(bracket = brace): void {
    if (this.#page[this.#length - 1] === comma) this.#length -= 1;
    this.#page[this.#length++] = bracket;
  }

  end(): void {
    this.#page[this.#length++] = lineFeed;
  }

  /** The lines ended since the last call. */
  take(): Uint8Array[] {
    if (this.#length > 0) this.#turn(0);
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  #copy(from: Buffer, start: number, end: number): void {
    this.#length += from.copy(this.#page, this.#length, start, end);
  }

  #turn(atLeast: number): void {
    if (this.#length > 0) this.#full.push(this.#page.subarray(0, this.#length));
    this.#page = Buffer.allocUnsafe(Math.max(pageBytes, atLeast));
    this.#length = 0;
  }
}
