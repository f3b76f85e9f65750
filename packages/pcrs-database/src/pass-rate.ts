import { controlsTable, policyTable, postureTable } from 'pcrs-records/columns';

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

/** Adds one set of counts to another. */
export function addOutcomes(to: Outcomes, more: Readonly<Outcomes>): void {
  for (const name of Object.keys(more) as Outcome[]) to[name] += more[name];
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

const part = (member: string, name: string) =>
  `CASE WHEN json_valid(c.${member}) THEN json_extract(c.${member}, '$.${name}') END`;
const text = (value: string) => `CAST(${value} AS TEXT)`;

const number = (status: string) => `sum(CASE WHEN lower(s.status) = '${status}' THEN s.n ELSE 0 END)`;

const identity = ['policyId', 'hostId', 'controlId', 'coalesce(technologyId, 0)', 'instance'];

/**
 * The pass rate as SQL: a row per policy, technology and criticality. For the rate of several rows use sums: `100.0 *
 * sum(passed + excepted) / sum(passed + excepted + failed)`.
 *
 * Each posture counts once, whatever its ids or batches: max() makes SQLite take the status of that row.
 */
export const passRateSelect = `SELECT policyId, policyTitle, technologyId, technology_name, criticality_label, criticality_value,
  sum(postures) AS postures, sum(passed) AS passed, sum(excepted) AS excepted, sum(failed) AS failed,
  sum(error) AS error, sum(postures - passed - excepted - failed - error) AS other,
  round(100.0 * sum(passed + excepted) / nullif(sum(passed + excepted + failed), 0), 4) AS pass_rate
FROM (
  SELECT s.policyId AS policyId,
    coalesce((SELECT l.title FROM ${policyTable.name} AS l WHERE l.id = s.policyId), c.policyTitle) AS policyTitle,
    s.technologyId AS technologyId, ${text(part('technology', 'name'))} AS technology_name,
    ${text(part('criticality', 'label'))} AS criticality_label, ${part('criticality', 'value')} AS criticality_value,
    sum(s.n) AS postures, ${number('passed')} AS passed, ${number('passede')} AS excepted,
    ${number('failed')} AS failed, ${number('error')} AS error
  FROM (
    SELECT policyId, controlId, technologyId, status, count(*) AS n
    FROM (
      SELECT policyId, hostId, controlId, coalesce(technologyId, 0) AS technologyId, instance, status,
        max(coalesce(BATCH_DATE, '') || printf('%020d', 999999999999 - currentBatch))
      FROM ${postureTable.name} GROUP BY ${identity.join(', ')}
    )
    GROUP BY policyId, controlId, technologyId, status
  ) AS s
  LEFT JOIN ${controlsTable.name} AS c
    ON c.policyId = s.policyId AND c.controlId = s.controlId AND c.technologyId = s.technologyId
  GROUP BY s.policyId, s.controlId, s.technologyId
)
GROUP BY policyId, policyTitle, technologyId, technology_name, criticality_label, criticality_value`;
