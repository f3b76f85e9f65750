import { controlsTable } from 'pcrs-records/columns';
import type { Members } from 'pcrs-sink/table';

/** A control as last sent: the concatenated bytes of its members, and the form of each. */
interface Control {
  bytes: Buffer;
  forms: number[];
  ends: number[];
}

/** Size of each of two caches: recent controls, and the ones before them. */
const keptBytes = 16 * 1024 * 1024;

/** The controls sent last, since hundreds of postures repeat the same texts. A forgotten control is sent again. */
export class SentControls {
  #young = new Map<number, Control>();
  #old = new Map<number, Control>();
  #bytes = 0;

  /**
   * Whether a record's control differs from the one last sent with its key; it counts as sent from then on.
   *
   * Takes  columns  of the key, then of the other members
   */
  isNew(members: Members, columns: readonly number[]): boolean {
    const hint = hintOf(members, columns);
    const young = this.#young.get(hint);
    const known = young ?? this.#old.get(hint);
    if (known === undefined || !isSame(known, members, columns)) {
      this.#keep(hint, copyOf(members, columns));
      return true;
    }
    if (young === undefined) this.#keep(hint, known);
    return false;
  }

  #keep(hint: number, control: Control): void {
    this.#young.set(hint, control);
    this.#bytes += control.bytes.length;
    if (this.#bytes < keptBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}

/** A number for a key. Two keys may share one: then one of the two controls is sent more than once. */
function hintOf(members: Members, columns: readonly number[]): number {
  let hint = 0;
  for (let index = 0; index < controlsTable.key.length; index += 1) {
    const column = columns[index] as number;
    const end = members.end(column);
    for (let at = members.start(column); at < end; at += 1)
      hint = Math.imul(hint ^ (members.bytes[at] as number), 0x01000193);
  }
  // A small integer, which a map finds without a heap number.
  return hint & 0x3fffffff;
}

function isSame({ bytes, forms, ends }: Control, members: Members, columns: readonly number[]): boolean {
  let from = 0;
  for (let index = 0; index < columns.length; index += 1) {
    const column = columns[index] as number;
    const to = ends[index] as number;
    if (members.form(column) !== forms[index]) return false;
    const [start, end] = [members.start(column), members.end(column)];
    if (end - start !== to - from || !isEqual(members.bytes, start, end, bytes, from)) return false;
    from = to;
  }
  return true;
}

/** Whether two ranges hold the same bytes; a native call takes longer than a few dozen of them. */
function isEqual(bytes: Buffer, start: number, end: number, other: Buffer, from: number): boolean {
  const length = end - start;
  if (length > 48) return bytes.compare(other, from, from + length, start, end) === 0;
  for (let at = 0; at < length; at += 1) if (bytes[start + at] !== other[from + at]) return false;
  return true;
}

function copyOf(members: Members, columns: readonly number[]): Control {
  const lengths = columns.map((column) => members.end(column) - members.start(column));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
  const ends: number[] = [];
  let at = 0;
  for (const column of columns) {
    at += members.bytes.copy(bytes, at, members.start(column), members.end(column));
    ends.push(at);
  }
  return { bytes, forms: columns.map((column) => members.form(column)), ends };
}
