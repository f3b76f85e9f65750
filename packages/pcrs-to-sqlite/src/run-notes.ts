import { hostIdsTable } from 'pcrs-records/columns';
import type { Counts, GatewayKind, JsonObject, Session, Start } from 'pcrs-records/kinds';
import { gatewayOf } from 'pcrs-records/scope';
import type { RunVerdict } from 'pcrs-sink/judge';
import { runDetail, StageNotes } from 'pcrs-sink/stage-notes';
import type { Records } from './records.ts';
import type { ScopeRow } from './scope-row.ts';
import type { StatusTable } from './status.ts';

/** The `RUN` rows of `q_pcrs_status`: each run's verdict and reconciliation, each stage's start and end records. */
export class RunNotes {
  readonly #status: StatusTable;
  readonly #records: Records;
  readonly #received: Counts = {};
  readonly #stages = new StageNotes();
  /** Counts of each run. */
  readonly #runs = new Map<string, Counts>();
  #current: { runId: string; totalsBefore: Counts } | undefined;

  /** The database's scope. */
  readonly scope: ScopeRow;

  constructor(status: StatusTable, records: Records, scope: ScopeRow) {
    this.#status = status;
    this.#records = records;
    this.scope = scope;
  }

  /** Counts a gateway record. */
  received(kind: GatewayKind): void {
    this.#received[kind] = (this.#received[kind] ?? 0) + 1;
  }

  openRun(session: Session): void {
    const { runId, gateway, username, startedAt } = session;
    this.#endRun();
    this.#current = { runId, totalsBefore: this.#totals() };
    this.scope.openRun(gatewayOf(session));
    this.#status.put(`RUN ${runId}`, { runId, gateway, username, startedAt, complete: null }, 'FALSE');
  }

  /** Stores a `start` or `end` as it came. */
  stage(record: JsonObject): void {
    const { name, detail } = this.#stages.take(record);
    this.#status.put(name, detail);
    if (record['kind'] === 'start') this.scope.start(record as unknown as Start);
  }

  /** Writes a run's verdict and reconciliation. */
  judge(verdict: RunVerdict, hostsWithoutPosture: number): void {
    this.#endRun();
    const { runId, complete } = verdict;
    const counted = this.#runs.get(runId ?? '') ?? {};
    const of = (prefix: string) =>
      Object.fromEntries(
        Object.entries(counted).flatMap(([name, count]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), count]] : [],
        ),
      );
    const hostRows = this.#records.writers.find(({ table }) => table === hostIdsTable)?.rows ?? 0;
    const detail = runDetail(
      verdict,
      {
        policyErrors: counted['policyErrors'] ?? 0,
        hostsResolved: counted['hosts'] ?? 0,
        hostsWithPosture: hostRows - hostsWithoutPosture,
        recordsReceived: of('received '),
      },
      { rowsStored: of('stored '), rowsUnchanged: of('unchanged ') },
    );
    this.#status.put(`RUN ${runId}`, detail, complete ? 'TRUE' : 'FALSE');
    const stages = this.#stages.of(runId).map(({ name }) => name);
    this.#status.keepOnly(`RUN ${runId} `, stages);
  }

  #endRun(): void {
    if (this.#current === undefined) return;
    const { runId, totalsBefore } = this.#current;
    const counted = this.#runs.get(runId) ?? {};
    for (const [name, total] of Object.entries(this.#totals())) {
      counted[name] = (counted[name] ?? 0) + total - (totalsBefore[name] ?? 0);
    }
    this.#runs.set(runId, counted);
    this.#current = undefined;
  }

  #totals(): Counts {
    this.#records.flush();
    const { hosts, policyErrors, writers } = this.#records;
    const totals: Counts = { hosts, policyErrors };
    for (const [kind, count] of Object.entries(this.#received)) totals[`received ${kind}`] = count;
    for (const { table, counts } of writers) {
      totals[`stored ${table.name}`] = counts.inserted + counts.changed;
      totals[`unchanged ${table.name}`] = counts.unchanged;
    }
    return totals;
  }
}
