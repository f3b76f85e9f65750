import { randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, lstat, mkdir, open, rename, rm, stat, symlink } from 'node:fs/promises';
import { platform } from 'node:os';
import { basename, join } from 'node:path';
import { type CodedError, codedError } from 'pcrs-records/errors';
import type { Session } from 'pcrs-records/kinds';
import { machineError } from './database-error.ts';

/** Where a run's snapshot is built, and where it goes when the run is complete. */
export interface Snapshot {
  /** `….incomplete.db` beside the final place. */
  readonly building: string;
  readonly final: string;
  /** `latest.db` or `latest_NAME.db`. */
  readonly link: string;
  readonly directory: string;
}

/**
 * Prepares the place for a run's snapshot: `pcrs_[NAME_]YYYYMMDDThhmmssZ.db` by the run's start.
 *
 * Throws  PCRS_MACHINE where a file of another run is in its place, or another process is writing there
 */
export async function prepareSnapshot(
  directory: string,
  name: string | undefined,
  session: Session,
): Promise<Snapshot> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: Error) => error);
  if (made instanceof Error) throw machineError(made, directory);
  const time = new Date(session.startedAt).toISOString().replace(/[-:]|\.\d+/g, '');
  const stem = `pcrs_${name === undefined ? '' : `${name}_`}${time}`;
  const snapshot = {
    building: join(directory, `${stem}.incomplete.db`),
    final: join(directory, `${stem}.db`),
    link: join(directory, name === undefined ? 'latest.db' : `latest_${name}.db`),
    directory,
  };
  const link = await lstat(snapshot.link).catch(() => undefined);
  if (link && !link.isSymbolicLink() && platform() !== 'win32') {
    throw codedError(
      'PCRS_MACHINE',
      `${snapshot.link} is not a link; move it away, a snapshot puts one there`,
    );
  }
  await refuseForeign(snapshot.final, session.runId, false);
  await refuseForeign(snapshot.building, session.runId, true);
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    await rm(`${snapshot.building}${suffix}`, { force: true });
  return snapshot;
}

/**
 * Lets a snapshot begin as a copy of an earlier one. The copy gets its name only once it says whose it is, so that a
 * crash leaves nothing that looks like another run's.
 *
 * Throws  PCRS_MACHINE where the file cannot be copied; PCRS_USAGE where it is no complete snapshot
 */
export async function startFrom(from: string, building: string, runId: string): Promise<void> {
  const copy = `${building}.${randomUUID()}`;
  const { default: Sqlite } = await import('better-sqlite3');
  try {
    await copyFile(from, copy, constants.COPYFILE_FICLONE);
    await chmod(copy, 0o600);
    const db = new Sqlite(copy, { fileMustExist: true });
    try {
      const done = db
        .prepare("DELETE FROM q_pcrs_status WHERE STATUS_NAME = 'ALL_TABLES_LOADED_SUCCESSFULLY'")
        .run();
      if (done.changes === 0)
        throw codedError(
          'PCRS_USAGE',
          `${from} is not the snapshot of a complete run; give another for --from`,
        );
      db.prepare('INSERT OR REPLACE INTO q_pcrs_status (STATUS_NAME, STATUS_DETAIL) VALUES (?, ?)').run(
        `RUN ${runId}`,
        JSON.stringify({ from: basename(from) }),
      );
    } finally {
      db.close();
    }
    await rename(copy, building);
  } catch (error) {
    await rm(copy, { force: true });
    throw (error as CodedError).code.startsWith('PCRS_') ? error : machineError(error, from);
  }
}

/**
 * Puts a closed, complete snapshot in its place and the link on it. At no moment is there half a file
 * under the final name, or a link that leads nowhere.
 */
export async function publishSnapshot(snapshot: Snapshot): Promise<void> {
  try {
    await sync(snapshot.building);
    await rename(snapshot.building, snapshot.final);
    const fresh = join(snapshot.directory, `.${basename(snapshot.link)}.${randomUUID()}`);
    if (platform() === 'win32') await copyFile(snapshot.final, fresh);
    else await symlink(basename(snapshot.final), fresh);
    await rename(fresh, snapshot.link);
    await sync(snapshot.directory);
  } catch (error) {
    throw machineError(error, snapshot.final);
  }
}

/** Writes a file or directory through to the disk; where a system cannot do that to a directory, its order of writes must do. */
export async function sync(path: string): Promise<void> {
  const isDirectory = (await stat(path)).isDirectory();
  if (isDirectory && platform() === 'win32') return;
  const handle = await open(path, isDirectory ? 'r' : 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function refuseForeign(path: string, runId: string, alone: boolean): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined || size === 0) return;
  const holder = await runOf(path, runId, alone);
  if (holder === 'busy') {
    throw codedError('PCRS_MACHINE', `${path} is being written by another process; let it end first`);
  }
  if (holder === 'other') {
    throw codedError('PCRS_MACHINE', `${path} exists and is not of this run (${runId}); move it away`);
  }
}

/** Whether a file holds this run, or nothing yet; `alone`: nobody else may have it open. */
async function runOf(path: string, runId: string, alone: boolean): Promise<'same' | 'other' | 'busy'> {
  const { default: Sqlite } = await import('better-sqlite3');
  const db = new Sqlite(path, { timeout: 0, fileMustExist: true, readonly: !alone });
  try {
    if (alone) db.exec('BEGIN EXCLUSIVE');
    const status = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'q_pcrs_status'").get();
    if (status === undefined) return db.prepare('SELECT 1 FROM sqlite_master').get() ? 'other' : 'same';
    // A load that was killed before it took the session has no run yet.
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
