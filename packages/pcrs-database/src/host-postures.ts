import { postureTable } from 'pcrs-records/columns';
import type { Database } from './open.ts';

/** A posture of a host: its identity, its status, and the requested columns. */
export type PostureRow<C extends string = never> = {
  readonly [name in C]: bigint | string | null;
} & {
  readonly policyId: bigint;
  readonly hostId: bigint;
  readonly controlId: bigint;
  /** 0 if the gateway sent none. */
  readonly technologyId: bigint;
  readonly instance: string | null;
  readonly status: string | null;
  /** The load that last changed the row; of two rows of one posture the later counts. */
  readonly BATCH_DATE: string | null;
  readonly currentBatch: bigint;
};

/** All postures of a host in a policy, by their identity within it. */
export interface HostPostures<C extends string = never> {
  readonly policyId: bigint;
  readonly hostId: bigint;
  readonly postures: ReadonlyMap<string, PostureRow<C>>;
}

const always = ['policyId', 'hostId', 'controlId', 'instance', 'status', 'BATCH_DATE', 'currentBatch'];

/**
 * Each host of each policy with its postures, by policy and host.
 *
 * A posture is (policyId, hostId, controlId, technologyId, instance). Of several rows of one (evidence in batches, an
 * id that the gateway issued anew) the one loaded last counts, and within one load the first batch.
 *
 * Takes   name     the database's name in SQL: `main`, or the name it was attached under
 *         columns  further columns of the posture table; `rowid` too
 * Limits  one host's postures in memory; do not write to the database through `db` meanwhile
 */
export function* hostPostures<const C extends string = never>(
  db: Database,
  name = 'main',
  columns: readonly C[] = [],
): Generator<HostPostures<C>> {
  const wanted = [...always, ...columns].join(', ');
  const rows = db
    .prepare(
      `SELECT ${wanted}, coalesce(technologyId, 0) AS technologyId FROM ${name}.${postureTable.name} ORDER BY policyId, hostId`,
    )
    .safeIntegers()
    .iterate() as Iterable<PostureRow<C>>;
  let host: { policyId: bigint; hostId: bigint; postures: Map<string, PostureRow<C>> } | undefined;
  for (const row of rows) {
    if (host === undefined || row.hostId !== host.hostId || row.policyId !== host.policyId) {
      if (host !== undefined) yield host;
      host = { policyId: row.policyId, hostId: row.hostId, postures: new Map() };
    }
    const identity = identityIn(row);
    const known = host.postures.get(identity);
    if (known === undefined || isLater(row, known)) host.postures.set(identity, row);
  }
  if (host !== undefined) yield host;
}

/** The digits of both ids end at the blanks, so that no two postures of a host share a key. */
function identityIn({ controlId, technologyId, instance }: PostureRow): string {
  return `${controlId} ${technologyId}${instance === null ? '' : ` ${instance}`}`;
}

function isLater(one: PostureRow, other: PostureRow): boolean {
  const [a, b] = [one.BATCH_DATE ?? '', other.BATCH_DATE ?? ''];
  return a > b || (a === b && one.currentBatch < other.currentBatch);
}

/** A host of a policy in two databases; undefined on a side without postures of it. */
export interface HostInBoth<C extends string = never> {
  readonly policyId: bigint;
  readonly hostId: bigint;
  readonly old: HostPostures<C> | undefined;
  readonly new: HostPostures<C> | undefined;
}

/** Merges two walks of `hostPostures`: each host once, with its postures on either side. */
export function* besides<C extends string>(
  old: Iterator<HostPostures<C>>,
  fresh: Iterator<HostPostures<C>>,
): Generator<HostInBoth<C>> {
  try {
    let [a, b] = [old.next().value, fresh.next().value] as [HostPostures<C>?, HostPostures<C>?];
    while (a !== undefined || b !== undefined) {
      const order = a === undefined ? 1 : b === undefined ? -1 : compare(a, b);
      const { policyId, hostId } = (order <= 0 ? a : b) as HostPostures<C>;
      yield { policyId, hostId, old: order <= 0 ? a : undefined, new: order >= 0 ? b : undefined };
      if (order <= 0) a = old.next().value;
      if (order >= 0) b = fresh.next().value;
    }
  } finally {
    // A database cannot be closed while a query is open.
    old.return?.();
    fresh.return?.();
  }
}

function compare(a: HostPostures, b: HostPostures): number {
  if (a.policyId !== b.policyId) return a.policyId < b.policyId ? -1 : 1;
  if (a.hostId !== b.hostId) return a.hostId < b.hostId ? -1 : 1;
  return 0;
}
