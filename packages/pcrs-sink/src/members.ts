import { forms, headerWords } from 'pcrs-json/places';
import { textOf } from 'pcrs-json/values';

/** A column of a sink: a member by its name, or part of a nested one by its path. */
export type ColumnPath = string | readonly string[];

/** A member without a column. */
export interface OtherMember {
  readonly name: string;
  readonly form: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The members of the current record, by column number, as the sink ordered them.
 *
 * Bytes and places are valid until the sink has taken the record.
 */
export class Members {
  readonly kind: string;
  readonly columns: ColumnPath[] = [];
  /** Line on stdin, from 1. */
  line = 0;
  /** The bytes that places refer to. */
  bytes: Buffer = Buffer.alloc(0);
  /** Members without a column, in order. */
  others: readonly OtherMember[] = [];
  #places: Int32Array = new Int32Array();
  #row = 0;
  readonly #slots: number[] = [];
  readonly #names = new Map<string, number>();
  readonly #spellings: { name: string; column: number; at: number }[] = [];

  constructor(kind: string) {
    this.kind = kind;
  }

  /** The column of a member; -1 if no column takes it whole. */
  columnOf(name: string): number {
    return this.#names.get(name) ?? -1;
  }

  /** The form of a column's value; `forms.absent` if the record lacks it. */
  form(column: number): number {
    return (this.#places[this.#at(column) + 1] as number) & 15;
  }

  /** Start of a column's value; of a string, after the quote. */
  start(column: number): number {
    return this.#places[this.#at(column)] as number;
  }

  /** Its end; of a string, before the quote. */
  end(column: number): number {
    return (this.#places[this.#at(column) + 1] as number) >>> 4;
  }

  /** A string's text, any other value's JSON; null for null and absent. */
  text(column: number): string | null {
    return textAt(this.bytes, this.form(column), this.start(column), this.end(column));
  }

  /** The value's JSON exactly as it came; undefined for absent. */
  json(column: number): string | undefined {
    const found = this.form(column);
    return found === forms.absent
      ? undefined
      : jsonAt(this.bytes, found, this.start(column), this.end(column));
  }

  /** The members without a column as one JSON object; undefined if there are none. */
  othersJson(): string | undefined {
    if (this.others.length === 0) return undefined;
    const members = this.others.map(
      ({ name, form, start, end }) => `${JSON.stringify(name)}:${jsonAt(this.bytes, form, start, end)}`,
    );
    return `{${members.join(',')}}`;
  }

  /** For the reader: adds a column, found in a slot of the rows. */
  addColumn(path: ColumnPath, slot: number): number {
    const column = this.columns.push(path) - 1;
    this.#slots.push(headerWords + 2 * slot);
    if (typeof path === 'string') this.#names.set(path, column);
    return column;
  }

  /** For the reader: adds a name that differs from a column's only by case. */
  addSpelling(name: string, column: number, slot: number): void {
    this.#spellings.push({ name, column, at: headerWords + 2 * slot });
  }

  /** For the reader: moves to the record whose row begins at a word of `places`. */
  moveTo(bytes: Buffer, places: Int32Array, row: number, line: number, others: readonly OtherMember[]): void {
    this.bytes = bytes;
    this.#places = places;
    this.#row = row;
    this.line = line;
    this.others = others;
    for (const spelling of this.#spellings) this.#respell(spelling);
  }

  #respell({ name, column, at }: { name: string; column: number; at: number }): void {
    const start = this.#places[this.#row + at] as number;
    const endAndForm = this.#places[this.#row + at + 1] as number;
    if (endAndForm === forms.absent) return;
    const into = this.#at(column);
    if (this.#places[into + 1] !== forms.absent) {
      const other = { name, form: endAndForm & 15, start, end: endAndForm >>> 4 };
      this.others = [...this.others, other].sort((a, b) => a.start - b.start);
      return;
    }
    this.#places[into] = start;
    this.#places[into + 1] = endAndForm;
  }

  #at(column: number): number {
    return this.#row + (this.#slots[column] as number);
  }
}

/** A string's text, any other value's JSON; null for null and absent. */
export function textAt(bytes: Buffer, form: number, start: number, end: number): string | null {
  return form <= forms.null ? null : textOf(bytes, start, (end << 4) | form);
}

/** A value's JSON exactly as it came. */
export function jsonAt(bytes: Buffer, form: number, start: number, end: number): string {
  const quotes = form >= forms.string ? 1 : 0;
  return bytes.toString('utf8', start - quotes, end + quotes);
}
