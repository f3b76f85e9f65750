import { controlsTable, postureTable } from 'pcrs-records/columns';
import { jsonAt } from 'pcrs-sink/members';
import { placesIn } from 'pcrs-sink/places';
import type { Members } from 'pcrs-sink/table';

/** The members of a posture record that we know. */
export const postureMembers: readonly string[] = [
  ...new Set([...postureTable.columns, ...controlsTable.columns].map(({ name }) => name)),
];

/** A posture record, each value as the JSON that came. */
export interface Posture {
  /** Undefined for what is absent, null or the empty text. */
  get(name: string): string | undefined;
  /** Members that we do not know. */
  others(): [name: string, json: string][];
}

const columns = new Map(postureMembers.map((name, column) => [name, column]));

/** The posture at hand in a table whose columns are the posture's members. */
export class PostureRecord implements Posture {
  #record!: Members;

  moveTo(record: Members): this {
    this.#record = record;
    return this;
  }

  get(name: string): string | undefined {
    return given(this.#record.json(columns.get(name) as number));
  }

  others(): [string, string][] {
    const { bytes, others } = this.#record;
    return others.map(({ name, form, start, end }) => [name, jsonAt(bytes, form, start, end)]);
  }
}

/** A posture inside another record. */
export class NestedPosture implements Posture {
  readonly #members = new Map<string, string>();

  /** Takes  at  the place of the brace that opens it */
  constructor(bytes: Buffer, at: number) {
    for (const { form, start, end, nameStart, nameEnd } of placesIn(bytes, at)) {
      const name = JSON.parse(bytes.toString('utf8', nameStart - 1, nameEnd + 1)) as string;
      this.#members.set(name, jsonAt(bytes, form, start, end));
    }
  }

  get(name: string): string | undefined {
    return given(this.#members.get(name));
  }

  others(): [string, string][] {
    return [...this.#members].filter(([name]) => !columns.has(name));
  }
}

function given(json: string | undefined): string | undefined {
  return json === 'null' || json === '""' ? undefined : json;
}
