import type { JsonObject } from 'pcrs-records/kinds';

/** What a stage said in its run, under the name of its row in `q_pcrs_status`. */
export interface StageNote {
  name: string;
  detail: JsonObject;
}

/**
 * The rows `RUN id STAGE` of `q_pcrs_status`: the start and end of each stage. Further stages of one name in a run,
 * side by side, are `RUN id STAGE 2` and so on; contract 1 has no `startId`, and so one row for a name.
 */
export class StageNotes {
  readonly #rows = new Map<string, StageNote>();
  readonly #named = new Map<string, number>();

  /** Takes a `start` or `end` as it came. Yields the row that it is now part of. */
  take(record: JsonObject): StageNote {
    const stage = `RUN ${String(record['runId'])} ${String(record['stage'])}`;
    const key = `${stage} ${String(record['startId'])}`;
    const row = this.#rows.get(key) ?? { name: this.#newName(stage), detail: {} };
    const note = { ...row, detail: { ...row.detail, [String(record['kind'])]: record } };
    this.#rows.set(key, note);
    return note;
  }

  /** In the order of the stream. */
  of(runId: string | null): StageNote[] {
    return [...this.#rows.values()].filter(({ name }) => name.startsWith(`RUN ${runId} `));
  }

  #newName(stage: string): string {
    const number = (this.#named.get(stage) ?? 0) + 1;
    this.#named.set(stage, number);
    return number === 1 ? stage : `${stage} ${number}`;
  }
}
