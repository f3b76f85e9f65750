import { controlsTable, postureTable } from 'pcrs-records/columns';
import type { OtherMember } from 'pcrs-sink/members';
import { forms, nameAt, placesIn } from 'pcrs-sink/places';

/** Known members of a posture record; column n of a posture is the n-th. */
export const postureMembers: readonly string[] = [
  ...new Set([...postureTable.columns, ...controlsTable.columns].map(({ name }) => name)),
];

const columns = new Map(postureMembers.map((name, column) => [name, column]));

/** The column of a known member. */
export function columnOf(name: string): number {
  const column = columns.get(name);
  if (column === undefined) throw new Error(`no posture has the member ${name}`);
  return column;
}

/** A posture record: the JSON of each member as it came, as a place in `bytes`. A table's `Members` are one. */
export interface Posture {
  readonly bytes: Buffer;
  /** Unknown members. */
  readonly others: readonly OtherMember[];
  form(column: number): number;
  start(column: number): number;
  end(column: number): number;
}

/** Whether a member has a value: not absent, null or the empty text. */
export function isGiven(posture: Posture, column: number): boolean {
  const form = posture.form(column);
  return form > forms.null && (form < forms.string || posture.end(column) > posture.start(column));
}

/** A posture inside another record. */
export class NestedPosture implements Posture {
  readonly bytes: Buffer;
  readonly others: OtherMember[] = [];
  readonly #places: { form: number; start: number; end: number }[] = [];

  /** Takes  at  the place of its opening brace */
  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    for (const place of placesIn(bytes, at)) {
      const name = nameAt(bytes, place);
      const column = columns.get(name);
      if (column === undefined) this.others.push({ ...place, name });
      else this.#places[column] = place;
    }
  }

  form(column: number): number {
    return this.#places[column]?.form ?? forms.absent;
  }

  start(column: number): number {
    return this.#places[column]?.start ?? 0;
  }

  end(column: number): number {
    return this.#places[column]?.end ?? 0;
  }
}
