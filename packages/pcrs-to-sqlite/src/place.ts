import { statSync } from 'node:fs';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject, type Session } from 'pcrs-records/kinds';
import { RunJudge } from 'pcrs-sink/judge';
import { checkPath, type LoadDatabase, type OpenOptions, openDatabase } from './database.ts';
import { prepareSnapshot, publishSnapshot, type Snapshot, startFrom, sync } from './snapshot.ts';

/** A database file, or a directory for a file of each run alone. */
export type Target = string | SnapshotTarget;

export interface SnapshotTarget {
  snapshot: string;
  name?: string | undefined;
  /** A complete snapshot to start from: what the run does not name stays as it is there. */
  from?: string | undefined;
}

/** Where a load goes. */
export interface Place {
  /** For messages. */
  readonly path: string;
  /** Opens the database, once there is something for it: the text of the first record, and its line. */
  open(first: string, line: number): Promise<LoadDatabase>;
  /** Closes it, puts it in its place if it is complete, and tells its path. */
  close(complete: boolean): Promise<string>;
  /** Closes it as it is. */
  abandon(): void;
}

/**
 * Looks whether a target can be loaded into.
 *
 * Throws  PCRS_USAGE, PCRS_MACHINE; nothing was made then
 */
export async function openPlace(target: Target, options: OpenOptions): Promise<Place> {
  return typeof target === 'string' ? openFile(target, options) : snapshotPlace(target, options);
}

async function openFile(path: string, options: OpenOptions): Promise<Place> {
  await checkPath(path);
  const isThere = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
  let database = isThere ? await openDatabase(path, options) : undefined;
  return {
    path,
    async open() {
      database ??= await openDatabase(path, options);
      return database;
    },
    async close() {
      database?.close();
      return path;
    },
    abandon() {
      database?.close();
    },
  };
}

function snapshotPlace({ snapshot: directory, name, from }: SnapshotTarget, options: OpenOptions): Place {
  let snapshot: Snapshot | undefined;
  let database: LoadDatabase | undefined;
  return {
    path: directory,
    async open(first, line) {
      const session = sessionIn(first, line);
      snapshot = await prepareSnapshot(directory, name, session);
      if (from !== undefined) await startFrom(from, snapshot.building, session.runId);
      database = await openDatabase(snapshot.building, { ...options, exclusive: true });
      return database;
    },
    async close(complete) {
      database?.close();
      const { building, final } = snapshot as Snapshot;
      if (complete) await publishSnapshot(snapshot as Snapshot);
      else await sync(building);
      return complete ? final : building;
    },
    abandon() {
      database?.close();
    },
  };
}

/** The session that opens the run; a snapshot is of a run, and is named by its start. */
function sessionIn(text: string, line: number): Session {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const judge = new RunJudge();
  const kind = isObject(value) ? value['kind'] : undefined;
  if (kind === 'session' || kind === 'end') judge.control(value as JsonObject, line);
  if (judge.session) return judge.session;
  const reason = judge.verdicts()[0]?.reason;
  throw codedError(
    'PCRS_INCOMPLETE',
    reason ??
      `stdin:${line}: a snapshot is of a run, and the first record is no session; put pcrs-auth in front of the pipe`,
  );
}
