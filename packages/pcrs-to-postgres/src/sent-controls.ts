import type { Members } from 'pcrs-sink/table';

/** A control as last sent: the concatenated bytes of its members, and the form of each. */
interface Control {
  bytes: Buffer;
  forms: number[];
  ends: number[];
}

/** Size of each of two caches: recent controls, and the ones before them. */
const keptBytes = 4 * 1024 * 1024;

/** The controls sent last, since hundreds of postures repeat the same texts. A forgotten control is sent again. */
export class SentControls {
  #young = new Map<string, Control>();
  #old = new Map<string, Control>();
  #bytes = 0;
  #last: { key: string; control: Control } | undefined;

  /** Whether a record's control differs from the one last sent under its key; it counts as sent from then on. */
  isNew(members: Members, columns: readonly number[]): boolean {
    const key = `${keyPart(members, columns[0] as number)} ${keyPart(members, columns[1] as number)} ${keyPart(members, columns[2] as number)}`;
    const known = this.#last?.key === key ? this.#last.control : (this.#young.get(key) ?? this.#old.get(key));
    if (known !== undefined && isSame(known, members, columns)) return false;
    this.#keep(key, copyOf(members, columns));
    return true;
  }

  #keep(key: string, control: Control): void {
    this.#last = { key, control };
    this.#young.set(key, control);
    this.#bytes += control.bytes.length;
    if (this.#bytes < keptBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}

function keyPart(members: Members, column: number): string {
  return members.bytes.toString('latin1', members.start(column), members.end(column));
}

function isSame({ bytes, forms, ends }: Control, members: Members, columns: readonly number[]): boolean {
  let from = 0;
  for (let index = 0; index < columns.length; index += 1) {
    const column = columns[index] as number;
    const to = ends[index] as number;
    if (members.form(column) !== forms[index]) return false;
    const [start, end] = [members.start(column), members.end(column)];
    if (end - start !== to - from || members.bytes.compare(bytes, from, to, start, end) !== 0) return false;
    from = to;
  }
  return true;
}

function copyOf(members: Members, columns: readonly number[]): Control {
  const parts = columns.map((column) => members.bytes.subarray(members.start(column), members.end(column)));
  const ends: number[] = [];
  for (const part of parts) ends.push((ends.at(-1) ?? 0) + part.length);
  return { bytes: Buffer.concat(parts), forms: columns.map((column) => members.form(column)), ends };
}
