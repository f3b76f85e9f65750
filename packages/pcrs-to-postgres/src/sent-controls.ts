import { controlsTable } from 'pcrs-records/columns';
import { forms } from 'pcrs-sink/places';
import type { Members } from 'pcrs-sink/table';

/** A control as last sent: its key, the concatenated bytes of its other members, and form and end of each. */
interface Control {
  key: Buffer;
  bytes: Buffer;
  forms: number[];
  ends: number[];
}

/** Size of each of two caches: recent controls, and the ones before them. */
const keptBytes = 16 * 1024 * 1024;

/** Small integers, which a map finds without a heap number. */
const hints = 2 ** 30;
const keyLength = controlsTable.key.length;
const zero = 0x30;
const separator = 0x20;

/** The controls sent last, since hundreds of postures repeat the same texts. A forgotten control is sent again. */
export class SentControls {
  readonly #keyColumns: readonly number[];
  readonly #columns: readonly number[];
  #young = new Map<number, Control>();
  #old = new Map<number, Control>();
  #bytes = 0;
  /** The key of the current record. */
  #key = Buffer.alloc(128);

  /** Takes  columns  of the key, then of the other members */
  constructor(columns: readonly number[]) {
    this.#keyColumns = columns.slice(0, keyLength);
    this.#columns = columns.slice(keyLength);
  }

  /** Whether a record's control differs from the one last sent with its key; it counts as sent from then on. */
  isNew(members: Members): boolean {
    const length = this.#readKey(members);
    for (let hint = hintOf(this.#key, length); ; hint = (hint + 1) % hints) {
      const young = this.#young.get(hint);
      const known = young ?? this.#old.get(hint);
      if (known !== undefined && !isEqual(this.#key, 0, length, known.key, 0, known.key.length)) continue;
      if (known === undefined || !isSame(known, members, this.#columns)) {
        this.#keep(hint, {
          key: Buffer.from(this.#key.subarray(0, length)),
          ...copyOf(members, this.#columns),
        });
        return true;
      }
      if (young === undefined) this.#keep(hint, known);
      return false;
    }
  }

  /** Absent and null are 0, as in the table. */
  #readKey(members: Members): number {
    let to = 0;
    for (const column of this.#keyColumns) {
      const [start, end] = [members.start(column), members.end(column)];
      if (to + end - start + 2 > this.#key.length)
        this.#key = Buffer.concat([this.#key], 2 * (this.#key.length + end - start));
      if (members.form(column) <= forms.null) this.#key[to++] = zero;
      else for (let at = start; at < end; at += 1) this.#key[to++] = members.bytes[at] as number;
      this.#key[to++] = separator;
    }
    return to;
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

/** A number for a key; two keys may share one. */
export function hintOf(key: Buffer, length: number): number {
  let hint = 0;
  for (let at = 0; at < length; at += 1) hint = Math.imul(hint ^ (key[at] as number), 0x01000193);
  return (hint >>> 0) % hints;
}

function isSame({ bytes, forms, ends }: Control, members: Members, columns: readonly number[]): boolean {
  let from = 0;
  for (let index = 0; index < columns.length; index += 1) {
    const column = columns[index] as number;
    const to = ends[index] as number;
    if (members.form(column) !== forms[index]) return false;
    if (!isEqual(members.bytes, members.start(column), members.end(column), bytes, from, to)) return false;
    from = to;
  }
  return true;
}

/** Whether two ranges hold the same bytes; a native call takes longer than a few dozen of them. */
function isEqual(
  bytes: Buffer,
  start: number,
  end: number,
  other: Buffer,
  from: number,
  to: number,
): boolean {
  const length = end - start;
  if (length !== to - from) return false;
  if (length > 48) return bytes.compare(other, from, to, start, end) === 0;
  for (let at = 0; at < length; at += 1) if (bytes[start + at] !== other[from + at]) return false;
  return true;
}

function copyOf(members: Members, columns: readonly number[]): Omit<Control, 'key'> {
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
