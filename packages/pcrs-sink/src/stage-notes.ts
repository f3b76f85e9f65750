import type { JsonObject } from 'pcrs-records/kinds';
import type { RunVerdict } from './judge.ts';

/** A stage's records in its run, with the name of its row in `q_pcrs_status`. */
export interface StageNote {
  name: string;
  detail: JsonObject;
}

/**
 * The rows `RUN id STAGE` of `q_pcrs_status`: the start and end of each stage. Further parallel stages of one name
 * are `RUN id STAGE 2` and so on; contract 1 has no `startId`, so a name has one row.
 */
export class StageNotes {
  readonly #rows = new Map<string, StageNote>();
  readonly #named = new Map<string, number>();

  /** Takes a `start` or `end` as it came. Yields the row it now belongs to. */
  take(record: JsonObject): StageNote {
    const stage = `RUN ${String(record['runId'])} ${String(record['stage'])}`;
    const key = `${stage} ${String(record['startId'])}`;
    const row = this.#rows.get(key) ?? { name: this.#newName(stage), detail: {} };
    const note = { ...row, detail: { ...row.detail, [String(record['kind'])]: record } };
    this.#rows.set(key, note);
    return note;
  }

  /** In stream order. */
  of(runId: string | null): StageNote[] {
    return [...this.#rows.values()].filter(({ name }) => name.startsWith(`RUN ${runId} `));
  }

  #newName(stage: string): string {
    const number = (this.#named.get(stage) ?? 0) + 1;
    this.#named.set(stage, number);
    return number === 1 ? stage : `${stage} ${number}`;
  }
}

/**
 * The detail of the row `RUN id`: a run's verdict and reconciliation.
 *
 * Takes  counted  the sink's counts of hosts and of received records
 *        rows     its counts of rows, if it has them
 */
export function runDetail(verdict: RunVerdict, counted: JsonObject, rows: JsonObject = {}): JsonObject {
  const { runId, session, complete, reason = null, ends, accepted } = verdict;
  const { gateway = null, username = null, startedAt = null } = session ?? {};
  return {
    ...{ runId, gateway, username, startedAt, complete, reason },
    reconciliation: {
      policiesListed: ends.find(({ stage }) => stage === 'pcrs-policies')?.out?.['policy'] ?? null,
      policiesResolved: accepted['hostids'] ?? 0,
      ...counted,
      recordsAccepted: accepted,
      recordsFiltered: verdict.filtered,
      recordsSupplied: verdict.supplied,
      kindsEdited: verdict.edited,
      verified: verdict.verified,
      ...rows,
    },
  };
}
