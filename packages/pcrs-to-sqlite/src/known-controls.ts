import { forms } from 'pcrs-sink/places';
import type { Members } from 'pcrs-sink/table';

/** Limits: bytes of distinct texts, and number of controls. */
const keptBytes = 16 * 1024 * 1024;
const keptControls = 100_000;

/** A control's texts as last stored: the JSON of each; undefined if the record had none. */
type Control = readonly (Buffer | undefined)[];

/**
 * The controls stored last. Their long texts come again with every posture: they are compared as bytes, and neither
 * decoded nor bound again. Memory is bounded; a forgotten control is simply stored again.
 */
export class KnownControls {
  readonly #columns: readonly number[];
  readonly #controls = new Map<string, Control>();
  /** Each text once: policies share most of them. */
  readonly #texts = new Map<string, Buffer>();
  #bytes = 0;

  /** Takes  columns  of the texts in the record */
  constructor(columns: readonly number[]) {
    this.#columns = columns;
  }

  /** Whether all the record's texts are stored exactly so. */
  has(key: string, record: Members): boolean {
    const control = this.#controls.get(key);
    if (control === undefined) return false;
    for (let index = 0; index < this.#columns.length; index += 1) {
      const column = this.#columns[index] as number;
      const found = record.form(column);
      if (found === forms.absent) continue;
      const kept = control[index];
      const quotes = found >= forms.string ? 1 : 0;
      const [start, end] = [record.start(column) - quotes, record.end(column) + quotes];
      if (kept?.length !== end - start || kept.compare(record.bytes, start, end) !== 0) return false;
    }
    return true;
  }

  /** Remembers the control of a stored record. */
  keep(key: string, record: Members): void {
    if (this.#bytes > keptBytes || this.#controls.size >= keptControls) {
      this.#controls.clear();
      this.#texts.clear();
      this.#bytes = 0;
    }
    const control = this.#columns.map((column) => {
      const json = record.json(column);
      return json === undefined ? undefined : this.#kept(json);
    });
    this.#controls.set(key, control);
  }

  #kept(json: string): Buffer {
    let text = this.#texts.get(json);
    if (text === undefined) {
      text = Buffer.from(json);
      this.#texts.set(json, text);
      this.#bytes += text.length;
    }
    return text;
  }

  /** Forgets a control whose stored texts cannot be compared. */
  drop(key: string): void {
    this.#controls.delete(key);
  }
}
