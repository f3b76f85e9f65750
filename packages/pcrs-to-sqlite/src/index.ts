import { databaseError } from 'pcrs-database/database-error';
import type { Patience } from 'pcrs-database/patience';
import { letGroupRead } from 'pcrs-machine/modes';
import { type CodedError, codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import { failureOf, type SinkOptions } from 'pcrs-sink/demands';
import { notJson } from 'pcrs-sink/input-errors';
import { type FinishOptions, finishLoad, type Loaded, stopLoad } from './finish.ts';
import { type FirstRecord, readFirstRecord } from './first-record.ts';
import { waitedFor } from './idle.ts';
import { Load, type LoadOptions } from './load.ts';
import { openPlace, type Place, type Target } from './place.ts';
import type { Placing } from './snapshot.ts';

export type { Loaded } from './finish.ts';
export type { Target } from './place.ts';

/** A snapshot always demands a run. */
export interface SqliteOptions extends SinkOptions, Omit<Placing, 'log'>, Patience {
  /** Remove rows that a complete, full run of the database's scope did not name. */
  prune?: boolean;
  /** A run may be older than one in the database. */
  allowOlder?: boolean;
  /** Let the user's group read the files. */
  groupReadable?: boolean;
  /** `fail` refuses members without a column; otherwise they get one. */
  unknown?: 'keep' | 'fail';
  /** Called with each `session`, `start` and `end` record. */
  onControl?: (record: JsonObject) => void;
  progress?: { update(fields: { records: number; bytes: number }): void };
}

/** Longest wait of an open transaction for further records. */
const idleMs = 1000;
/**
 * Loads an NDJSON stream of records into SQLite.
 *
 * Takes   target  a database file, made if missing; or `{ snapshot: DIR }` for a file of this run alone, which gets
 *                 its name only when the run is complete
 *         chunks  the stream's bytes in any chunking
 * Yields  what is in the database now
 * Limits  transactions of some thousand records; memory holds one of them, a page cache and a line
 * Throws  PCRS_INCOMPLETE with the `loaded` record as a member if the stream is not a whole run; PCRS_RECORD for a
 *         bad line, PCRS_EMPTY, PCRS_USAGE, PCRS_MACHINE, and the signal's reason; what was committed stands
 */
export async function toSqlite(
  target: Target,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: SqliteOptions = {},
): Promise<Loaded> {
  if (options.groupReadable) letGroupRead();
  const place = await openPlace(target, options);
  try {
    const filled = await fill(place, chunks, target, options);
    return await place.publishing(async (stand) => {
      const finishOptions = { ...finishing(target, options), stand };
      const { loaded, failure, fate } = await finishLoad(filled.load, finishOptions, filled.failure);
      loaded.database = await place.close(fate);
      if (failure) throw Object.assign(failure, { loaded });
      return loaded;
    });
  } catch (error) {
    place.abandon();
    throw databaseError(error, place.path);
  }
}

/** Reads the stream to its end, or until it can no longer be a whole run. */
async function fill(
  place: Place,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  target: Target,
  options: SqliteOptions,
): Promise<{ load: Load; failure?: CodedError }> {
  const { signal, progress } = options;
  let bytes = 0;
  const counted = counting(chunks, (size) => {
    bytes += size;
  });
  const first = await readFirstRecord(waitedFor(counted, signal));
  if (first === undefined) return { load: await nothingCame(place, target, options) };
  const load = await openLoad(place, first, target, options);
  const idle = { afterMs: idleMs, act: () => load.commit() };
  try {
    for await (const block of waitedFor(load.reader.blocks(first.chunks), signal, idle)) {
      await load.take(block);
      progress?.update({ records: load.reader.lines, bytes });
    }
    return { load };
  } catch (error) {
    if ((error as CodedError).code === 'PCRS_INCOMPLETE') return { load, failure: error as CodedError };
    await stopLoad(load, databaseError(error, place.path));
    throw error;
  }
}

/** Starts a load, once there is a record. */
async function openLoad(
  place: Place,
  { text, line, isLast }: FirstRecord,
  target: Target,
  options: SqliteOptions,
): Promise<Load> {
  // A stream that is not NDJSON at all leaves no file behind.
  if (!options.skipBad) requireJson(text, line, isLast);
  return Load.open(await place.open(text, line), loadOptions(target, options));
}

function requireJson(text: string, line: number, isLast: boolean): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw isLast
      ? codedError(
          'PCRS_INCOMPLETE',
          `stdin:${line}: the stream was cut off in the middle of its first record`,
        )
      : notJson(text, line, error);
  }
}

/** Handles a stream without a record: an empty database if that is allowed. */
async function nothingCame(place: Place, target: Target, options: SqliteOptions): Promise<Load> {
  const { allowEmpty = false } = options;
  const nothing = { verdicts: [], cutLine: undefined, isEmpty: true };
  const failure = failureOf(nothing, { ...finishing(target, options), allowEmpty });
  if (failure !== undefined) throw failure;
  return Load.open(await place.open('', 0), loadOptions(target, options));
}

function loadOptions(target: Target, options: SqliteOptions): LoadOptions {
  const { skipBad = false, unknown, allowOlder = false, onControl } = options;
  const { requireRun = false } = finishing(target, options);
  return { skipBad, requireRun, refuseUnknown: unknown === 'fail', allowOlder, onControl };
}

function finishing(target: Target, options: SqliteOptions): FinishOptions {
  const { strict = false, prune = false, requireRun = false, log } = options;
  return { strict, prune, requireRun: requireRun || typeof target !== 'string', log };
}

async function* counting(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}
