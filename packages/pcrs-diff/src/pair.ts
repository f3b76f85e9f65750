import { checkLayout } from 'pcrs-database/layout';
import { openForReading, type ReadDatabase } from 'pcrs-database/open';
import { incompleteness, readSnapshotStatus, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import { policyTable, postureTable } from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { narrowings, narrowingText } from 'pcrs-records/scope';

/** One of the two databases, with its status. */
export interface Side {
  /** The path as given. */
  database: string;
  status: SnapshotStatus;
  /** From a posture: distinguishes subscriptions if no list was loaded. */
  customerUuid: string | null;
}

/** Two databases to compare: the new one is `main`, the old one is attached as `old`. */
export interface Pair {
  database: ReadDatabase;
  old: Side;
  new: Side;
}

interface PairOptions {
  /** An incomplete database is an error, not a warning. */
  strict: boolean;
  warn(message: string): void;
  signal?: AbortSignal | undefined;
}

/**
 * Opens two databases and checks that comparing them makes sense.
 *
 * Throws  PCRS_RECORD for databases of two subscriptions, or not from pcrs-to-sqlite; with `strict` PCRS_INCOMPLETE
 *         for a database not proven complete; PCRS_USAGE, PCRS_MACHINE
 */
export async function openPair(oldPath: string, newPath: string, options: PairOptions): Promise<Pair> {
  const { signal } = options;
  const database = await openForReading(newPath, { signal, beside: { path: oldPath, name: 'old' } });
  try {
    const pair = {
      database,
      old: await sideOf(database, oldPath, 'old'),
      new: await sideOf(database, newPath, 'main'),
    };
    // From here on both are read as of this moment.
    await database.read(() => {
      database.db.exec('BEGIN');
      for (const name of ['main', 'old'])
        database.db.prepare(`SELECT count(*) FROM ${name}.sqlite_master`).get();
    });
    checkSubscription(pair);
    for (const side of [pair.old, pair.new]) checkComplete(side, options);
    for (const doubt of doubts(pair)) options.warn(doubt);
    return pair;
  } catch (error) {
    database.close();
    throw error;
  }
}

async function sideOf(database: ReadDatabase, path: string, name: string): Promise<Side> {
  await checkLayout(database, path, name);
  const status = await readSnapshotStatus(database, name);
  const customer = `SELECT customerUuid FROM ${name}.${postureTable.name} LIMIT 1`;
  const customerUuid = await database.read(() => database.db.prepare(customer).pluck().get());
  return { database: path, status, customerUuid: typeof customerUuid === 'string' ? customerUuid : null };
}

function checkSubscription(pair: Pair): void {
  const subscriptions = [pair.old, pair.new].map(({ status }) => status.subscriptionId);
  const customers = [pair.old, pair.new].map(({ customerUuid }) => customerUuid);
  if (!differ(subscriptions) && !differ(customers)) return;
  const word = (side: Side) =>
    differ(subscriptions) ? `subscription ${side.status.subscriptionId}` : `customer ${side.customerUuid}`;
  throw codedError(
    'PCRS_RECORD',
    `${pair.old.database} is of ${word(pair.old)}, but ${pair.new.database} is of ${word(pair.new)}; give two databases of the same subscription`,
  );
}

function differ([a, b]: readonly (string | null | undefined)[]): boolean {
  return a !== b && (a ?? null) !== null && (b ?? null) !== null;
}

function checkComplete({ database, status }: Side, { strict, warn }: PairOptions): void {
  const why = incompleteness(status)?.message;
  if (why === undefined) return;
  if (strict) throw codedError('PCRS_INCOMPLETE', `${database}: ${why} (--strict)`);
  // Loading without a run is deliberate; an incomplete run is news.
  if (status.load?.state === 'without a run') return;
  warn(`${database}: ${why}; missing records show as vanished or appeared`);
}

/** Likely mistakes, as warnings. */
function doubts({ old, new: fresh }: Pair): string[] {
  const found: string[] = [];
  const [oldGateway, newGateway] = [old.status.gateway, fresh.status.gateway];
  if (differ([oldGateway, newGateway])) {
    found.push(
      `${old.database} was loaded from ${oldGateway}, ${fresh.database} from ${newGateway}: are they the same subscription?`,
    );
  }
  const [before, after] = [momentOf(old), momentOf(fresh)];
  if (before !== null && after !== null && before > after) {
    found.push(
      `${old.database} (${before}) is newer than ${fresh.database} (${after}); give the older one first`,
    );
  }
  const [asked, askedLater] = [narrowed(old), narrowed(fresh)];
  if (asked !== askedLater) {
    found.push(
      `${old.database} was asked for with ${asked || 'no filter'}, ${fresh.database} with ${askedLater || 'no filter'}; postures that only one of them asked for show as vanished or appeared`,
    );
  }
  return found;
}

/** The filters of a run, without dates: a delta on a full picture has one. */
function narrowed({ status }: Side): string {
  return status.stages
    .flatMap(({ start }) => (start ? narrowings(start) : []))
    .filter(({ isDate }) => !isDate)
    .map(narrowingText)
    .join(', ');
}

/** Start of a database's run; null without one. */
export function momentOf({ status }: Side): string | null {
  return status.run?.startedAt ?? null;
}

/** A policy in only one of the databases, by its list or its postures. */
export interface LonePolicy {
  policyId: bigint | string;
  policyTitle: string | null;
}

/** Policies in one database and not in the other, by id. */
export function policiesOnlyIn({ database: { db } }: Pair, one: 'main' | 'old'): LonePolicy[] {
  const other = one === 'main' ? 'old' : 'main';
  const idsIn = (name: string) =>
    `SELECT id FROM ${name}.${policyTable.name} UNION SELECT policyId FROM ${name}.q_pcrs_postureinfo_controls`;
  const sql = `SELECT id AS policyId, coalesce(
      (SELECT title FROM ${one}.${policyTable.name} AS l WHERE l.id = ids.id),
      (SELECT policyTitle FROM ${one}.q_pcrs_postureinfo_controls AS c WHERE c.policyId = ids.id)
    ) AS policyTitle
    FROM (${idsIn(one)}) AS ids WHERE id NOT IN (${idsIn(other)}) ORDER BY id`;
  return db.prepare(sql).safeIntegers().all() as LonePolicy[];
}
