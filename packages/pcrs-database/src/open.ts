import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { specialKind } from 'pcrs-machine/file';
import { codedError } from 'pcrs-records/errors';
import { machineError } from './database-error.ts';
import { busyTimeoutMs, type Patience, patiently } from './patience.ts';

export type { Database, Statement } from 'better-sqlite3';

/** Cache of each file; more does not speed up a walk along a key. */
const cacheKiB = 32 * 1024;

/** A database opened for reading: nothing in it, or next to it, changes. */
export interface ReadDatabase {
  readonly db: Database;
  /** Runs `act`, waiting while another program is in mid-write. */
  read<T>(act: () => T): Promise<T>;
  /** The first of the files written to since it was opened; undefined if none was. */
  changed(): string | undefined;
  close(): void;
}

export interface ReadOptions extends Patience {
  /** Another database to attach, and its name in SQL. */
  beside?: { path: string; name: string };
}

/**
 * Opens a database for reading.
 *
 * Takes   path  a link is resolved once; later changes of it do not matter
 * Throws  PCRS_USAGE if there is no file; PCRS_RECORD for a file that is not a database; PCRS_MACHINE
 */
export async function openForReading(path: string, options: ReadOptions = {}): Promise<ReadDatabase> {
  const { default: Sqlite } = await import('better-sqlite3');
  const { beside } = options;
  const main = fileAt(path, 'main');
  const files = beside ? [main, fileAt(beside.path, beside.name)] : [main];
  // A reader without write access leaves -wal and -shm behind next to a WAL file that nobody has open.
  const readonly = !files.some(({ isRestingWal }) => isRestingWal);
  const db = named(
    main,
    () => new Sqlite(main.real, { readonly, fileMustExist: true, timeout: busyTimeoutMs }),
  );
  const database: ReadDatabase = {
    db,
    read: (act) => patiently(files.map((file) => file.path).join(' or '), 'reading', options, act),
    changed: () => files.find((file) => ![file.trace, gone].includes(traceOf(file.real)))?.path,
    close: () => {
      db.close();
    },
  };
  try {
    db.pragma('query_only = ON');
    for (const file of files) {
      if (file !== main) named(file, () => db.prepare(`ATTACH ? AS ${file.name}`).run(file.real));
      await patiently(file.path, 'reading', options, () => {
        db.pragma(`${file.name}.cache_size = -${cacheKiB}`);
        db.prepare(`SELECT count(*) FROM ${file.name}.sqlite_master`).get();
      });
    }
    return database;
  } catch (error) {
    db.close();
    throw error;
  }
}

interface OpenFile {
  path: string;
  real: string;
  name: string;
  /** In WAL mode, without leftovers of a writer. */
  isRestingWal: boolean;
  /** Fingerprint of the file on disk. */
  trace: string;
}

function fileAt(path: string, name: string): OpenFile {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw codedError('PCRS_USAGE', `${path} does not exist`);
  // A named pipe would block SQLite for ever, and it ignores signals.
  const kind = specialKind(stat);
  if (kind) throw codedError('PCRS_USAGE', `${path} is a ${kind}; give a database file`);
  return named({ path }, () => {
    const real = realpathSync(path);
    const isRestingWal = isWal(path, real) && (sizeOf(`${real}-wal`) ?? 0) === 0;
    return { path, real, name, isRestingWal, trace: traceOf(real) };
  });
}

function named<T>({ path }: { path: string }, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw machineError(error, path, 'reading');
  }
}

/** Source  SQLite's file format: 16 bytes of magic; 2 in bytes 18 and 19 means WAL */
function isWal(path: string, real: string): boolean {
  const head = Buffer.alloc(20);
  const file = openSync(real, 'r');
  let length: number;
  try {
    length = readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (length === 0) throw codedError('PCRS_RECORD', `${path} is empty; pcrs-to-sqlite makes a database`);
  if (head.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw codedError('PCRS_RECORD', `${path} is not a database; pcrs-to-sqlite makes one`);
  }
  return head[18] === 2 || head[19] === 2;
}

/** A removed file stays open, unchanged. */
const gone = 'gone';

/** Changes when somebody writes. */
function traceOf(real: string): string {
  const stat = statSync(real, { throwIfNoEntry: false, bigint: true });
  if (stat === undefined) return gone;
  return `${stat.ino} ${stat.size} ${stat.mtimeNs} ${sizeOf(`${real}-wal`) ?? 0}`;
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
