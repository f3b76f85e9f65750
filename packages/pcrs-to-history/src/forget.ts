import type { Database } from 'pcrs-database/open';
import { wholeSeconds } from 'pcrs-records/moments';
import { openHistory } from './history-file.ts';

/** Rows removed, by table. */
type Forgotten = Record<string, number>;

/**
 * Removes everything that ended before a moment: spans, counts and runs. A state that still holds stays, with the run
 * that began it.
 *
 * Takes  moment  ISO 8601
 */
export function forgetBefore(path: string, moment: string): Promise<Forgotten> {
  const old = `(SELECT run FROM runs WHERE startedAt < '${wholeSeconds(new Date(moment))}')`;
  return forget(path, [
    ['spans', `ended IS NOT NULL AND last_run IN ${old}`],
    ['run_counts', `run IN ${old}`],
    [
      'evaluations',
      `first_run IN ${old} AND EXISTS (SELECT 1 FROM evaluations AS x WHERE x.policyId = evaluations.policyId
      AND x.hostId = evaluations.hostId AND x.first_run > evaluations.first_run AND x.first_run IN ${old})`,
    ],
    ...['policies', 'hosts', 'controls'].map((table): [string, string] => [table, `last_run IN ${old}`]),
    ['runs', `run IN ${old} AND run NOT IN (SELECT first_run FROM spans)`],
  ]);
}

/** Removes all data about a host. */
export function forgetHost(path: string, hostId: bigint): Promise<Forgotten> {
  return forget(
    path,
    ['spans', 'evaluations', 'hosts'].map((table) => [table, `hostId = ${hostId}`]),
  );
}

async function forget(path: string, deletions: readonly [string, string][]): Promise<Forgotten> {
  const database = await openHistory(path);
  try {
    const forgotten = await database.transaction((db: Database) => {
      db.pragma('secure_delete = ON');
      return Object.fromEntries(
        deletions.map(([table, where]) => [
          table,
          db.prepare(`DELETE FROM ${table} WHERE ${where}`).run().changes,
        ]),
      );
    });
    database.db.exec('VACUUM');
    return forgotten;
  } finally {
    database.close();
  }
}
