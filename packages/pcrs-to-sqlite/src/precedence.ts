import type { SnapshotStatus } from 'pcrs-database/snapshot-status';
import { codedError } from 'pcrs-records/errors';
import type { Session } from 'pcrs-records/kinds';

/** Which runs may follow those in a database. */
export class Precedence {
  readonly #before: SnapshotStatus;
  readonly #allowOlder: boolean;
  #newest: Pick<Session, 'runId' | 'startedAt'> | undefined;

  /** Takes  before  the database's status before the load */
  constructor(before: SnapshotStatus, allowOlder: boolean) {
    this.#before = before;
    this.#allowOlder = allowOlder;
    this.#newest = before.runs[0]?.note;
  }

  /** Throws PCRS_RECORD for a run older than one in the database: its rows would be a step back. */
  take({ runId, startedAt }: Session, line: number): void {
    const newest = this.#newest;
    const isOlder = newest !== undefined && Date.parse(startedAt) < Date.parse(newest.startedAt);
    if (isOlder && newest.runId !== runId && !this.#allowOlder) {
      throw codedError(
        'PCRS_RECORD',
        `stdin:${line}: the run started ${startedAt}, but this database holds one that started ${newest.startedAt}; --allow-older loads it anyway`,
      );
    }
    if (!isOlder) this.#newest = { runId, startedAt };
  }

  /** Throws PCRS_RECORD if a run's reduced records would replace whole ones. */
  requireEmpty(session: Session | undefined, line: number): void {
    const { load, runs } = this.#before;
    if (load === undefined || runs[0]?.note.runId === session?.runId) return;
    throw codedError(
      'PCRS_RECORD',
      `stdin:${line}: the run has reduced records, but this database has other records; choose a new file`,
    );
  }
}
