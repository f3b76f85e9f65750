import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, existsSync, lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { machineError } from 'pcrs-database/database-error';
import { type Database, openForReading } from 'pcrs-database/open';
import { openHandle } from 'pcrs-database/open-for-writing';
import { latestName, snapshotName } from 'pcrs-database/snapshot-names';
import { readStatusOf } from 'pcrs-database/snapshot-status';
import { makeDirectory, syncDirectory } from 'pcrs-machine/directory';
import { renameFile, setMode, syncFile } from 'pcrs-machine/file';
import { pointTo } from 'pcrs-machine/file-system';
import { parseHeldLock, requireStillHeld } from 'pcrs-machine/held-lock';
import { lockTimes, withLock } from 'pcrs-machine/lock';
import { fileMode } from 'pcrs-machine/modes';
import { type CodedError, codedError } from 'pcrs-records/errors';
import type { Session } from 'pcrs-records/kinds';
import { stampOf } from 'pcrs-records/moments';
import { isSameScope, scopeWords } from 'pcrs-records/scope';
import type { Fate, SnapshotTarget } from './place.ts';
import { type Shrink, shrinkOf } from './shrink.ts';
import { type Candidate, type Standing, standingOf, unknownStanding } from './standing.ts';

/** Locks for placing files. */
export interface Placing {
  signal?: AbortSignal | undefined;
  /** Lock of the folder, held by the parent process: `NONCE PATH`. */
  heldLock?: string | undefined;
  /** Lease of the link's lock, in seconds; for tests only. */
  lockLease?: string | undefined;
  log?: { warn(message: string): void } | undefined;
}

/** A run's snapshot: built next to its place, and put there once its fate is decided. */
export class Snapshot {
  /** `….incomplete.db` next to the final place. */
  readonly building: string;
  readonly #final: string;
  readonly #shrunk: string;
  /** `latest.db` or `latest_NAME.db`. */
  readonly #link: string;
  readonly #directory: string;
  readonly #name: string | undefined;
  readonly #placing: Placing;

  private constructor(directory: string, name: string | undefined, session: Session, placing: Placing) {
    const stamp = stampOf(session.startedAt);
    this.building = join(directory, snapshotName(stamp, name, 'incomplete'));
    this.#final = join(directory, snapshotName(stamp, name));
    this.#shrunk = join(directory, snapshotName(stamp, name, 'shrunk'));
    this.#link = join(directory, latestName(name));
    this.#directory = directory;
    this.#name = name;
    this.#placing = placing;
  }

  /**
   * Prepares the place of a run's snapshot: `pcrs_[NAME_]YYYYMMDDThhmmssZ.db`, by the run's start.
   *
   * Throws  PCRS_MACHINE if another run's file is in its place, or another process is writing there
   */
  static async prepare(
    directory: string,
    name: string | undefined,
    session: Session,
    placing: Placing,
  ): Promise<Snapshot> {
    makeDirectory(directory);
    const snapshot = new Snapshot(directory, name, session, placing);
    await snapshot.#requireOurLink();
    await refuseForeign(snapshot.#final, session.runId, false);
    await refuseForeign(snapshot.building, session.runId, true);
    snapshot.#stillOurs();
    for (const suffix of ['', '-journal', '-wal', '-shm'])
      rmSync(`${snapshot.building}${suffix}`, { force: true });
    return snapshot;
  }

  /** Decides on the link and moves it, while no other process does. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const { heldLock, lockLease, log, signal = new AbortController().signal } = this.#placing;
    const under = parseHeldLock(heldLock)?.nonce;
    const info = (message: string) => log?.warn(message);
    const path = join(this.#directory, `.${basename(this.#link)}.lock`);
    const times = lockTimes({ PCRS_LOCK_LEASE: lockLease });
    return withLock(path, { what: this.#link, signal, info, times, under }, work);
  }

  /**
   * Decides what happens to a complete run.
   *
   * Takes   db  the database it was loaded into
   * Throws  PCRS_MACHINE if a snapshot of the same run and another scope is in its place
   */
  async stand(candidate: Candidate, db: Database, rules: SnapshotTarget): Promise<Standing> {
    await this.#requireSameScope(candidate);
    const latest = await readStatusOf(this.#link);
    const shrink = () => shrinkSince(this.#link, db);
    const name = basename(this.#link);
    const isUnreadable = latest === undefined && existsSync(this.#link);
    if (isUnreadable && rules.rescope !== true) return unknownStanding(candidate, name);
    return standingOf(candidate, latest, name, rules, shrink);
  }

  /**
   * Puts the closed file into its place. There is never half a file under a final name, or a broken link.
   *
   * Yields  its path
   * Throws  PCRS_MACHINE
   */
  put(fate: Fate): string {
    syncFile(this.building);
    if (fate === 'incomplete') return this.building;
    const path = fate === 'shrunk' ? this.#shrunk : this.#final;
    this.#stillOurs();
    renameFile(this.building, path);
    if (fate !== 'shrunk') rmSync(this.#shrunk, { force: true });
    if (fate === 'latest') {
      this.#stillOurs();
      pointTo(this.#final, this.#link);
    }
    syncDirectory(this.#directory);
    return path;
  }

  /** Throws PCRS_MACHINE if `latest.db` is neither a link nor, on a file system without links, our copy. */
  async #requireOurLink(): Promise<void> {
    const link = lstatSync(this.#link, { throwIfNoEntry: false });
    if (link === undefined || link.isSymbolicLink() || (await this.#isCopy())) return;
    throw codedError(
      'PCRS_MACHINE',
      `${this.#link} is not a link made by pcrs-to-sqlite; move it away to make room for one`,
    );
  }

  /** Whether `latest.db` has a run whose snapshot is next to it; otherwise the user loaded it. */
  async #isCopy(): Promise<boolean> {
    const startedAt = (await readStatusOf(this.#link))?.run?.startedAt;
    if (!startedAt) return false;
    return existsSync(join(this.#directory, snapshotName(stampOf(startedAt), this.#name)));
  }

  async #requireSameScope({ scope }: Candidate): Promise<void> {
    const held = (await readStatusOf(this.#final))?.scope;
    if (held === undefined || isSameScope(held.flags, scope.flags)) return;
    throw codedError(
      'PCRS_MACHINE',
      `${this.#final} is of the same run but holds ${scopeWords(held.flags)}, not ${scopeWords(scope.flags)}; move it away`,
    );
  }

  /** Throws PCRS_MACHINE if the folder now belongs to another process. */
  #stillOurs(): void {
    requireStillHeld(parseHeldLock(this.#placing.heldLock), this.#directory);
  }
}

async function shrinkSince(latest: string, db: Database): Promise<Shrink | undefined> {
  const before = await openForReading(latest);
  try {
    return shrinkOf(before.db, db);
  } finally {
    before.close();
  }
}

/**
 * Starts a snapshot as a copy of an earlier one. The copy gets its name only once it names its run, so that a crash
 * leaves nothing that looks like another run's.
 *
 * Throws  PCRS_MACHINE if the file cannot be copied; PCRS_USAGE if it is not a complete snapshot
 */
export async function startFrom(from: string, building: string, runId: string): Promise<void> {
  const copy = `${building}.${randomUUID()}`;
  try {
    copyFileSync(from, copy, constants.COPYFILE_FICLONE);
    setMode(copy, fileMode());
    const db = await openHandle(copy, false);
    try {
      const done = db
        .prepare("DELETE FROM q_pcrs_status WHERE STATUS_NAME = 'ALL_TABLES_LOADED_SUCCESSFULLY'")
        .run();
      if (done.changes === 0)
        throw codedError(
          'PCRS_USAGE',
          `${from} is not the snapshot of a complete run; choose another for --from`,
        );
      db.prepare('INSERT OR REPLACE INTO q_pcrs_status (STATUS_NAME, STATUS_DETAIL) VALUES (?, ?)').run(
        `RUN ${runId}`,
        JSON.stringify({ from: basename(from) }),
      );
    } finally {
      db.close();
    }
    renameSync(copy, building);
  } catch (error) {
    rmSync(copy, { force: true });
    throw (error as CodedError).code.startsWith('PCRS_') ? error : machineError(error, from);
  }
}

async function refuseForeign(path: string, runId: string, alone: boolean): Promise<void> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined || size === 0) return;
  const holder = await runOf(path, runId, alone);
  if (holder === 'busy') {
    throw codedError('PCRS_MACHINE', `${path} is being written by another process; wait until it ends`);
  }
  if (holder === 'other') {
    throw codedError('PCRS_MACHINE', `${path} exists and is not of this run (${runId}); move it away`);
  }
}

/** Whether a file holds this run, or nothing yet; `alone`: nobody else may have it open. */
async function runOf(path: string, runId: string, alone: boolean): Promise<'same' | 'other' | 'busy'> {
  const db = await openHandle(path, !alone);
  try {
    if (alone) db.exec('BEGIN EXCLUSIVE');
    const status = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'q_pcrs_status'").get();
    if (status === undefined) return db.prepare('SELECT 1 FROM sqlite_master').get() ? 'other' : 'same';
    // A load that was killed before it read the session has no run yet.
    const runs = db
      .prepare("SELECT STATUS_NAME FROM q_pcrs_status WHERE STATUS_NAME LIKE 'RUN %'")
      .pluck()
      .all();
    return runs.length === 0 || runs.includes(`RUN ${runId}`) ? 'same' : 'other';
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    return code.startsWith('SQLITE_BUSY') ? 'busy' : 'other';
  } finally {
    db.close();
  }
}
