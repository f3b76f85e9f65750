import { isDeepStrictEqual } from 'node:util';
import type { ScopeNote, SnapshotStatus } from 'pcrs-database/snapshot-status';
import type { Start } from 'pcrs-records/kinds';
import { scopeOf } from 'pcrs-records/scope';
import type { StatusTable } from './status.ts';

const rowName = 'SCOPE';

/**
 * The row `SCOPE` of `q_pcrs_status`: what narrowed the database's first run, and whether anything else was loaded
 * later. Written with each `start`, so that a killed load has recorded it.
 */
export class ScopeRow {
  readonly #status: StatusTable;
  readonly #wasMixed: boolean;
  #before: ScopeNote | undefined;
  #gateway: string | null = null;
  #starts: Start[] = [];

  /** Takes  before  the database's status before this load */
  constructor(status: StatusTable, before: SnapshotStatus) {
    this.#status = status;
    const { scope, load } = before;
    const hadNoRun =
      load !== undefined && load.runId === null && load.state !== 'incomplete' && load.lines > 0;
    this.#before = hadNoRun ? { ...(scope ?? nothing), mixed: true } : scope;
    this.#wasMixed = this.#before?.mixed === true;
  }

  /** Whether this load is the first of another scope, or without a run. */
  get becameMixed(): boolean {
    return !this.#wasMixed && this.note?.mixed === true;
  }

  /** Undefined if no run has come yet. */
  get note(): ScopeNote | undefined {
    if (this.#starts.length === 0) return this.#before;
    const flags = scopeOf(this.#starts);
    const before = this.#before;
    if (before === undefined) return { gateway: this.#gateway, flags, beganFiltered: false };
    return isDeepStrictEqual({ ...before.flags }, { ...flags }) ? before : { ...before, mixed: true };
  }

  openRun(gateway: string): void {
    this.#before = this.note;
    this.#gateway = gateway;
    this.#starts = [];
  }

  start(start: Start): void {
    this.#starts.push(start);
    this.#put();
  }

  /** Call for a load without a run, which may bring anything. */
  withoutRun(): void {
    this.#before = { ...(this.note ?? nothing), mixed: true };
    this.#put();
  }

  /** Fixes what the database's series accepts from now on: if unknown, this run decides. */
  settle(beganFiltered: boolean): void {
    const { note } = this;
    if (note === undefined) return;
    this.#before = { ...note, beganFiltered };
    this.#starts = [];
    this.#put();
  }

  #put(): void {
    const { note } = this;
    if (note) this.#status.put(rowName, { ...note });
  }
}

const nothing: ScopeNote = { gateway: null, flags: {}, beganFiltered: false };
