import { databaseError } from 'pcrs-database/database-error';
import { checkLayout } from 'pcrs-database/layout';
import { openForReading } from 'pcrs-database/open';
import { counted } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import { type Held, readHeldRun } from './held-run.ts';
import { inTurns } from './in-turns.ts';
import { holdMoment, type LineBlock, type PostureBlock, StoredRecords } from './stored-records.ts';

export type { Held, HeldRun } from './held-run.ts';
export type { LineBlock } from './stored-records.ts';

export interface SourceOptions {
  /** Only these policies, by id. */
  policies?: readonly string[] | undefined;
  /** Only postures of these statuses, in any case. */
  statuses?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
  log?: { warn(message: string): void } | undefined;
}

/** A database whose records can be read as lines. */
export interface Source extends Held {
  /**
   * The records: policies, host ids, postures.
   *
   * Throws  PCRS_RECORD for a damaged file; PCRS_MACHINE
   */
  blocks(): AsyncIterable<LineBlock>;
  close(): void;
}

/**
 * Opens a database of pcrs-to-sqlite to write its records back into the pipe. Changes nothing in it, or next to it.
 *
 * Limits  memory holds a page cache, a block of lines, a record, and the texts of some thousand controls. All records
 *         are of one moment: a load into the same file waits until they are read
 * Throws  PCRS_RECORD for any other file; PCRS_USAGE for a missing file, an unknown policy or an unknown status
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<Source> {
  const database = await openForReading(path, { signal: options.signal });
  try {
    await checkLayout(database, path);
    await database.read(() => holdMoment(database.db));
    const held = await readHeldRun(database);
    const without = held.run?.evidence === false ? ['evidence', 'causeOfFailure'] : [];
    const records = new StoredRecords(database.db, { ...options, without });
    const [unknown] = records.unknownPolicies(options.policies ?? []);
    if (unknown !== undefined) throw codedError('PCRS_USAGE', `${path} has no policy ${unknown} (--id)`);
    const [misspelt] = records.unknownStatuses(options.statuses ?? []);
    if (misspelt !== undefined)
      throw codedError(
        'PCRS_USAGE',
        `${path} has no posture with the status ${misspelt} (--posture-status), only ${records.statuses().join(', ')}`,
      );
    const isWhole = options.policies === undefined && options.statuses === undefined;
    // In WAL mode a second connection may see a later moment.
    const isShared = isWhole && database.db.pragma('journal_mode', { simple: true }) !== 'wal';
    const isSameFile = () => database.changed() === undefined;
    return {
      ...held,
      async *blocks() {
        try {
          yield* records.lists();
          const postures = isShared
            ? inTurns(records, { file: database.db.name, path, without }, isSameFile)
            : readAlone(records);
          let [rows, repaired] = [0, 0];
          for await (const block of postures) {
            rows += block.rows;
            repaired += block.repaired;
            if (block.count > 0) yield block;
          }
          if (repaired > 0)
            options.log?.warn(
              `${path}: ${counted(repaired, 'record')} with bytes that are not UTF-8, which became U+FFFD`,
            );
          const indexed = records.count();
          if (rows !== indexed)
            throw codedError(
              'PCRS_RECORD',
              `${path} is damaged (its index has ${indexed} postures, its table ${rows}); restore it, or load it again`,
            );
        } catch (error) {
          throw databaseError(error, path, 'reading');
        }
      },
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

function* readAlone(records: StoredRecords): Generator<PostureBlock> {
  for (const part of records.parts()) yield* records.withRest(records.postures(part));
}
