import { statSync } from 'node:fs';
import type { Database } from 'pcrs-database/open';
import {
  checkPath,
  openForWriting,
  type WriteDatabase,
  type WriteOptions,
} from 'pcrs-database/open-for-writing';
import { requireRegular } from 'pcrs-machine/file';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject, type Session } from 'pcrs-records/kinds';
import { RunJudge } from 'pcrs-sink/judge';
import { type Placing, Snapshot, startFrom } from './snapshot.ts';
import type { Candidate, PublishRules, Standing } from './standing.ts';

/** A database file, or a directory for a file of each run alone. */
export type Target = string | SnapshotTarget;

export interface SnapshotTarget extends PublishRules {
  snapshot: string;
  name?: string | undefined;
  /** A complete snapshot to start from: rows that the run does not name stay. */
  from?: string | undefined;
}

/** What happens to a file when its load has ended. */
export type Fate = 'incomplete' | Standing['fate'];

/** Decides what happens to a complete run in a series of snapshots. */
export type Stand = (candidate: Candidate, db: Database) => Promise<Standing>;

/** Target of a load. */
export interface Place {
  /** For messages. */
  readonly path: string;
  /** Opens the database, given the text of the first record, and its line. */
  open(first: string, line: number): Promise<WriteDatabase>;
  /** Runs the end of a load, while nobody else publishes in the series. */
  publishing<T>(work: (stand: Stand | undefined) => Promise<T>): Promise<T>;
  /** Closes it, gives it its final place, and yields its path. */
  close(fate: Fate): Promise<string>;
  /** Closes it as it is. */
  abandon(): void;
}

/**
 * Checks whether a target can be loaded into.
 *
 * Throws  PCRS_USAGE, PCRS_MACHINE; nothing was made then
 */
export async function openPlace(target: Target, options: WriteOptions & Placing): Promise<Place> {
  if (typeof target === 'string') return openFile(target, options);
  if (target.from !== undefined) requireRegular(target.from);
  return snapshotPlace(target, options);
}

async function openFile(path: string, options: WriteOptions): Promise<Place> {
  await checkPath(path);
  const isThere = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
  let database = isThere ? await openForWriting(path, options) : undefined;
  return {
    path,
    async open() {
      database ??= await openForWriting(path, options);
      return database;
    },
    publishing: (work) => work(undefined),
    async close() {
      database?.close();
      return path;
    },
    abandon() {
      database?.close();
    },
  };
}

function snapshotPlace(target: SnapshotTarget, options: WriteOptions & Placing): Place {
  const { snapshot: directory, name, from } = target;
  let snapshot: Snapshot | undefined;
  let database: WriteDatabase | undefined;
  return {
    path: directory,
    async open(first, line) {
      const session = sessionIn(first, line);
      snapshot = await Snapshot.prepare(directory, name, session, options);
      if (from !== undefined) await startFrom(from, snapshot.building, session.runId);
      database = await openForWriting(snapshot.building, { ...options, exclusive: true });
      return database;
    },
    publishing: (work) =>
      (snapshot as Snapshot).alone(() =>
        work((candidate, db) => (snapshot as Snapshot).stand(candidate, db, target)),
      ),
    async close(fate) {
      database?.close();
      return (snapshot as Snapshot).put(fate);
    },
    abandon() {
      database?.close();
    },
  };
}

/** The session that opens the run; a snapshot belongs to a run, and its start names the file. */
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
      `stdin:${line}: a snapshot needs a run, but the first record is not a session; start the pipe with pcrs-auth`,
  );
}
