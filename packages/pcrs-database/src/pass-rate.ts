import { controlsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { sqlPart } from './sql.ts';

/** Meaning of a status for the pass rate. `Error` is neither passed nor failed: the check could not be made. */
export type Outcome = 'passed' | 'excepted' | 'failed' | 'error' | 'other';

const outcomeOf = new Map<string, Outcome>([
  ['passed', 'passed'],
  ['passede', 'excepted'],
  ['failed', 'failed'],
  ['error', 'error'],
]);

/** `PassedE` → `excepted`: passed by an exception. Case is ignored. */
export function outcome(status: string | null): Outcome {
  return outcomeOf.get(String(status).toLowerCase()) ?? 'other';
}

/** Postures by outcome. */
export type Outcomes = Record<Outcome, number>;

export function noOutcomes(): Outcomes {
  return { passed: 0, excepted: 0, failed: 0, error: 0, other: 0 };
}

/** Postures known to pass or fail. */
export function counted({ passed, excepted, failed }: Readonly<Outcomes>): number {
  return passed + excepted + failed;
}

/** (Passed + PassedE) / (Passed + PassedE + Failed), in percent; null if that divides by zero. */
export function passRate(outcomes: Readonly<Outcomes>): number | null {
  const all = counted(outcomes);
  return all === 0 ? null : (100 * (outcomes.passed + outcomes.excepted)) / all;
}

const text = (value: string) => `CAST(${value} AS TEXT)`;

const outcomes = ['passed', 'passede', 'failed', 'error'];
const names: Readonly<Record<string, string>> = { passede: 'excepted' };
const nameOf = (status: string) => names[status] ?? status;

/** Postures by what their status means, as columns. */
const counts = (sign = '') =>
  [
    `${sign}count(*) AS postures`,
    ...outcomes.map(
      (status) => `${sign}count(*) FILTER (WHERE lower(status) = '${status}') AS ${nameOf(status)}`,
    ),
  ].join(', ');

const sums = ['postures', ...outcomes.map(nameOf)].map((name) => `sum(s.${name}) AS ${name}`).join(', ');

/**
 * The pass rate as SQL: a row for each policy, technology and criticality. Rates of more than one row are made of sums:
 * `100.0 * sum(passed + excepted) / sum(passed + excepted + failed)`.
 *
 * Each posture counts once, whatever ids or batches it came under: all rows are counted, and of each identity that has
 * several those taken away that are not of the latest load, or not its first batch. The index by control holds what
 * both need, in their order.
 */
export const passRateSelect = `WITH doubled AS (
  SELECT DISTINCT policyId, hostId, controlId, coalesce(technologyId, 0) AS technologyId, instance
  FROM ${postureTable.name} GROUP BY controlId, policyId, ${postureTable.name}.technologyId, hostId, instance
  HAVING count(*) > 1 OR coalesce(${postureTable.name}.technologyId, 0) = 0
), superseded AS (
  SELECT policyId, controlId, technologyId, status FROM (
    SELECT p.policyId AS policyId, p.controlId AS controlId, d.technologyId AS technologyId, p.status AS status, row_number() OVER (
      PARTITION BY p.policyId, p.hostId, p.controlId, d.technologyId, p.instance
      ORDER BY coalesce(p.BATCH_DATE, '') DESC, CAST(p.currentBatch AS INTEGER)
    ) AS place
    FROM doubled AS d CROSS JOIN ${postureTable.name} AS p
      ON p.policyId = d.policyId AND p.hostId = d.hostId AND p.controlId = d.controlId
      AND coalesce(p.technologyId, 0) = d.technologyId AND p.instance IS d.instance
  ) WHERE place > 1
)
SELECT policyId, policyTitle, technologyId, technology_name, criticality_label, criticality_value,
  sum(postures) AS postures, sum(passed) AS passed, sum(excepted) AS excepted, sum(failed) AS failed,
  sum(error) AS error, sum(postures - passed - excepted - failed - error) AS other,
  round(100.0 * sum(passed + excepted) / nullif(sum(passed + excepted + failed), 0), 4) AS pass_rate
FROM (
  SELECT s.policyId AS policyId,
    coalesce((SELECT l.title FROM ${policyTable.name} AS l WHERE l.id = s.policyId), c.policyTitle) AS policyTitle,
    s.technologyId AS technologyId, ${text(sqlPart('c.technology', 'name'))} AS technology_name,
    ${text(sqlPart('c.criticality', 'label'))} AS criticality_label, ${sqlPart('c.criticality', 'value')} AS criticality_value,
    ${sums}
  FROM (
    SELECT policyId, controlId, coalesce(technologyId, 0) AS technologyId, ${counts()}
    FROM ${postureTable.name} GROUP BY controlId, policyId, ${postureTable.name}.technologyId
    UNION ALL
    SELECT policyId, controlId, technologyId, ${counts('-')}
    FROM superseded GROUP BY policyId, controlId, technologyId
  ) AS s
  LEFT JOIN ${controlsTable.name} AS c
    ON c.policyId = s.policyId AND c.controlId = s.controlId AND c.technologyId = s.technologyId
  GROUP BY s.policyId, s.controlId, s.technologyId
)
GROUP BY policyId, policyTitle, technologyId, technology_name, criticality_label, criticality_value`;
