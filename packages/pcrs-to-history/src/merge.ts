import type { Database } from 'pcrs-database/open';
import { identity, sameAs } from './schema.ts';

/** The run to merge. */
interface MergedRun {
  runId: string;
  startedAt: string;
  /** Only a full run proves that what it does not name is gone, and counts in the trend. */
  isFull: boolean;
  base: string;
  scope: string;
  version: string | null;
}

/** Effect of a run on the spans. */
export interface Merged {
  opened: number;
  changed: number;
  ended: number;
}

/** The previous run is NULL for the first. */
const numbers =
  '(SELECT max(run) FROM runs) AS run, (SELECT max(run) FROM runs WHERE run < (SELECT max(run) FROM runs)) AS before';

const isPass = (status: string) => `lower(${status}) IN ('passed', 'passede')`;
const isFailed = (status: string) => `lower(${status}) = 'failed'`;

/** How a span ended that another status followed. */
const endedBy = (
  status: string,
) => `CASE lower(${status}) WHEN 'passed' THEN 'passed' WHEN 'passede' THEN 'excepted'
  WHEN 'error' THEN 'error' WHEN 'failed' THEN 'failed' ELSE 'other' END`;

/** Postures whose status differs from their open span's, with what the span before knew about a failure. */
const changedSql = `CREATE TEMP TABLE changed AS
SELECT g.*, o.first_run AS open_run,
  CASE WHEN NOT ${isPass("coalesce(b.status, 'passed')")} THEN b.failing_since END AS streak,
  CASE WHEN NOT ${isPass("coalesce(b.status, 'passed')")} THEN b.failing_since_earliest END AS streak_earliest,
  (SELECT max(coalesce(r.startedAt, (SELECT startedAt FROM runs WHERE run = at.before)))
    FROM spans AS p LEFT JOIN runs AS r ON r.run = p.last_run
    WHERE ${sameAs('p', 'g')} AND ${isPass('p.status')}) AS seen_pass,
  at.run, at.before
FROM staged AS g CROSS JOIN (SELECT ${numbers}) AS at
LEFT JOIN spans AS b ON ${sameAs('b', 'g')}
  AND b.first_run = (SELECT max(x.first_run) FROM spans AS x WHERE ${sameAs('x', 'g')})
LEFT JOIN spans AS o ON ${sameAs('o', 'g')} AND o.first_run = b.first_run AND o.ended IS NULL
WHERE o.first_run IS NULL OR o.status IS NOT g.status`;

const endChangedSql = `UPDATE spans SET last_run = changed.before, ended = ${endedBy('changed.status')}
FROM changed WHERE ${sameAs('spans', 'changed')} AND spans.first_run = changed.open_run`;

/** Whether an earlier failure continues: nobody, neither we nor the gateway, has seen a pass since. */
const goesOn = "(streak IS NOT NULL AND coalesce(last_pass, '') <= streak)";
/** Whether the gateway's first failure is the start of this one. */
const isFirst =
  "(first_fail IS NOT NULL AND coalesce(last_pass, '') <= first_fail AND coalesce(seen_pass, '') <= first_fail)";
const startOfRun = '(SELECT startedAt FROM runs WHERE runs.run = changed.run)';
const startOfBefore = '(SELECT startedAt FROM runs WHERE runs.run = changed.before)';

const openSql = `INSERT INTO spans (${identity.join(', ')}, first_run, status, id, failing_since, failing_since_earliest,
  first_fail_date_gateway)
SELECT ${identity.join(', ')}, run, status, id,
  CASE WHEN ${goesOn} AND NOT ${isPass("coalesce(status, '')")} THEN streak
    WHEN NOT ${isFailed("coalesce(status, '')")} THEN NULL
    WHEN ${isFirst} THEN first_fail ELSE ${startOfRun} END,
  CASE WHEN ${goesOn} AND NOT ${isPass("coalesce(status, '')")} THEN streak_earliest
    WHEN NOT ${isFailed("coalesce(status, '')")} THEN NULL
    WHEN ${isFirst} THEN first_fail
    ELSE nullif(max(coalesce(${startOfBefore}, ''), coalesce(last_pass, '')), '') END,
  first_fail
FROM changed`;

/** A failure that the gateway saw pass between two runs began anew, though both runs saw it fail. */
const flappedSql = `UPDATE spans SET failing_since = at.startedAt,
  failing_since_earliest = max(coalesce((SELECT startedAt FROM runs WHERE run = at.before), ''), g.last_pass)
FROM staged AS g, (SELECT ${numbers}, (SELECT startedAt FROM runs ORDER BY run DESC LIMIT 1) AS startedAt) AS at
WHERE ${sameAs('spans', 'g')} AND spans.ended IS NULL AND spans.first_run < at.run AND ${isFailed('spans.status')}
  AND g.last_pass > spans.failing_since`;

const reissuedSql = `UPDATE spans SET id = g.id FROM staged AS g
WHERE ${sameAs('spans', 'g')} AND spans.ended IS NULL AND spans.id IS NOT g.id`;

const goneSql = `UPDATE spans SET last_run = (SELECT max(run) FROM runs WHERE run < (SELECT max(run) FROM runs)),
  ended = CASE WHEN policyId IN (SELECT policyId FROM staged) THEN 'gone' ELSE 'policy_gone' END
WHERE ended IS NULL AND NOT EXISTS (SELECT 1 FROM staged AS g WHERE ${sameAs('g', 'spans')})`;

const countsSql = `INSERT INTO run_counts
SELECT (SELECT max(run) FROM runs), g.policyId, g.technologyId, coalesce(c.criticality_label, ''), coalesce(g.status, ''), count(*)
FROM staged AS g LEFT JOIN staged_controls AS c
  ON c.policyId = g.policyId AND c.controlId = g.controlId AND c.technologyId = g.technologyId
GROUP BY g.policyId, g.technologyId, coalesce(c.criticality_label, ''), coalesce(g.status, '')`;

const evaluationsSql = `INSERT INTO evaluations
SELECT g.policyId, g.hostId, (SELECT max(run) FROM runs), max(g.evaluated) AS evaluated, max(g.scanned) AS scanned
FROM staged AS g GROUP BY g.policyId, g.hostId
HAVING NOT EXISTS (SELECT 1 FROM evaluations AS e WHERE e.policyId = g.policyId AND e.hostId = g.hostId
  AND e.first_run = (SELECT max(x.first_run) FROM evaluations AS x WHERE x.policyId = g.policyId AND x.hostId = g.hostId)
  AND e.lastEvaluatedDate IS evaluated AND e.complianceLastScanDate IS scanned)`;

/** Ends a name that changed, and begins the new one. */
function renameSql(table: string, keys: readonly string[], columns: readonly string[]): string[] {
  const same = keys.map((key) => `t.${key} = g.${key}`).join(' AND ');
  const equal = columns.map((column) => `t.${column} IS g.${column}`).join(' AND ');
  return [
    `UPDATE ${table} AS t SET last_run = (SELECT max(run) FROM runs WHERE run < (SELECT max(run) FROM runs))
     FROM staged_${table} AS g WHERE ${same} AND t.last_run IS NULL AND NOT (${equal})`,
    `INSERT INTO ${table} (${[...keys, 'first_run', ...columns].join(', ')})
     SELECT ${keys.map((key) => `g.${key}`).join(', ')}, (SELECT max(run) FROM runs), ${columns.map((column) => `g.${column}`).join(', ')}
     FROM staged_${table} AS g WHERE NOT EXISTS (SELECT 1 FROM ${table} AS t WHERE ${same} AND t.last_run IS NULL)`,
  ];
}

const renames = [
  ...renameSql('policies', ['policyId'], ['policyTitle']),
  ...renameSql('hosts', ['hostId'], ['dns', 'ip', 'netBios']),
  ...renameSql(
    'controls',
    ['policyId', 'controlId', 'technologyId'],
    ['controlStatement', 'technology_name', 'criticality_label', 'criticality_value'],
  ),
];

/** Merges the staged run, by set statements; inside a transaction. */
export function merge(db: Database, run: MergedRun, postures: number): Merged {
  db.prepare(
    'INSERT INTO runs (runId, startedAt, base, scope, version, postures) VALUES (?, ?, ?, ?, ?, ?)',
  ).run(...[run.runId, run.startedAt, run.base, run.scope, run.version, postures]);
  db.exec(changedSql);
  const changed = db.prepare(endChangedSql).run().changes;
  const opened = db.prepare(openSql).run().changes;
  for (const sql of [flappedSql, reissuedSql, evaluationsSql, ...renames]) db.prepare(sql).run();
  const ended = run.isFull ? db.prepare(goneSql).run().changes : 0;
  if (run.isFull) db.prepare(countsSql).run();
  db.exec('DROP TABLE temp.changed');
  return { opened: opened - changed, changed, ended };
}

/** Ends every open span, since the next run asks for something else; inside a transaction. */
export function rescope(db: Database): number {
  return db
    .prepare(
      "UPDATE spans SET ended = 'rescoped', last_run = (SELECT max(run) FROM runs) WHERE ended IS NULL",
    )
    .run().changes;
}
