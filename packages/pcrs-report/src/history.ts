import { openHistoryForReading } from 'pcrs-database/history-layout';
import type { PostureRow } from 'pcrs-database/host-postures';
import type { Database, ReadDatabase } from 'pcrs-database/open';
import { noOutcomes, outcome } from 'pcrs-database/pass-rate';
import { codedError } from 'pcrs-records/errors';
import type { Scope } from 'pcrs-records/kinds';
import { isSameScope } from 'pcrs-records/scope';
import { ageAt } from './failing-since.ts';
import type { Age, Head, TrendPoint } from './model.ts';

/** What a history knows about a snapshot. */
export interface Past {
  /** Full runs of the snapshot's scope, up to the snapshot; oldest first. */
  readonly trend: TrendPoint[];
  /** Whether it holds the snapshot's run: only then does it know since when things fail. */
  readonly holdsRun: boolean;
  /** How long a failure of the snapshot has lasted, in whole days; undefined if the history does not know. */
  age(posture: PostureRow): Age | undefined;
  close(): void;
}

/**
 * Opens a history together with the report's snapshot.
 *
 * Throws  PCRS_USAGE for a history of another gateway or subscription; like `openHistoryForReading`
 */
export async function openHistory(path: string, head: Head): Promise<Past> {
  const database = await openHistoryForReading(path);
  try {
    return pastOf(database, path, head);
  } catch (error) {
    database.close();
    throw error;
  }
}

interface Run {
  run: number;
  startedAt: string;
  scope: string;
}

function pastOf({ db, close }: ReadDatabase, path: string, head: Head): Past {
  checkSource(db, path, head);
  const run = db.prepare('SELECT run, startedAt, scope FROM runs WHERE runId = ?').get(head.runId ?? '') as
    | Run
    | undefined;
  const last =
    run ??
    (db
      .prepare('SELECT run, startedAt, scope FROM runs WHERE startedAt <= ? ORDER BY run DESC LIMIT 1')
      .get(head.startedAt ?? '') as Run | undefined);
  const ages = run && new Ages(db, run);
  return {
    trend: last === undefined ? [] : trendUpTo(db, last),
    holdsRun: run !== undefined,
    age: (posture) => ages?.of(posture),
    close,
  };
}

function checkSource(db: Database, path: string, { gateway, subscription }: Head): void {
  const known = db.prepare('SELECT value FROM source WHERE name = ?').pluck();
  for (const [name, value] of Object.entries({ gateway, subscription })) {
    const of = known.get(name);
    if (of === undefined || value === null || of === value) continue;
    throw codedError('PCRS_USAGE', `${path} is of ${name} ${String(of)}, but the database is of ${value}`);
  }
}

function trendUpTo(db: Database, { run, scope }: Run): TrendPoint[] {
  const rows = db
    .prepare(
      `SELECT r.startedAt, r.scope, n.status, sum(n.n) AS n FROM runs AS r JOIN run_counts AS n ON n.run = r.run
       WHERE r.run <= ? AND r.base = 'full' GROUP BY r.run, n.status ORDER BY r.run`,
    )
    .all(run) as { startedAt: string; scope: string; status: string; n: number }[];
  const points = new Map<string, TrendPoint>();
  for (const { startedAt, scope: other, status, n } of rows) {
    if (!isSameScope(JSON.parse(other) as Scope, JSON.parse(scope) as Scope)) continue;
    const point = points.get(startedAt) ?? { startedAt, outcomes: noOutcomes() };
    points.set(startedAt, point);
    point.outcomes[outcome(status)] += n;
  }
  return [...points.values()];
}

/** Ages of a run's failures, read host by host. */
class Ages {
  readonly #moment: number;
  readonly #failing: { all(...ids: unknown[]): unknown[] };
  #host = '';
  #since = new Map<string, string>();

  constructor(db: Database, { run, startedAt }: Run) {
    this.#moment = Date.parse(startedAt);
    this.#failing = db
      .prepare(
        `SELECT controlId, technologyId, instance, failing_since FROM spans
         WHERE policyId = ? AND hostId = ? AND first_run <= ${run} AND (last_run IS NULL OR last_run >= ${run})
           AND failing_since IS NOT NULL`,
      )
      .safeIntegers();
  }

  of({ policyId, hostId, ...posture }: PostureRow): Age | undefined {
    const host = `${policyId} ${hostId}`;
    if (host !== this.#host) {
      const rows = this.#failing.all(policyId, hostId) as (Identity & { failing_since: string })[];
      this.#since = new Map(rows.map((row) => [identityIn(row), row.failing_since]));
      this.#host = host;
    }
    return ageAt(this.#since.get(identityIn(posture)), this.#moment);
  }
}

type Identity = Pick<PostureRow, 'controlId' | 'technologyId'> & { instance: string | Buffer | null };

/** A history stores a NULL instance as an empty blob. */
function identityIn({ controlId, technologyId, instance }: Identity): string {
  return `${controlId} ${technologyId}${typeof instance === 'string' ? ` ${instance}` : ''}`;
}
