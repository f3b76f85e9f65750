/** Names valid while a span is open, or at its last run. */
const named = `s.policyId, s.hostId, s.controlId, s.technologyId,
  CASE WHEN typeof(s.instance) = 'blob' THEN NULL ELSE s.instance END AS instance,
  (SELECT p.policyTitle FROM policies AS p WHERE p.policyId = s.policyId AND p.first_run <= at.run
    ORDER BY p.first_run DESC LIMIT 1) AS policyTitle,
  h.dns, h.ip, c.controlStatement, c.criticality_label, c.criticality_value`;

const joined = `LEFT JOIN hosts AS h ON h.hostId = s.hostId
    AND h.first_run = (SELECT max(x.first_run) FROM hosts AS x WHERE x.hostId = s.hostId AND x.first_run <= at.run)
  LEFT JOIN controls AS c ON c.policyId = s.policyId AND c.controlId = s.controlId AND c.technologyId = s.technologyId
    AND c.first_run = (SELECT max(x.first_run) FROM controls AS x WHERE x.policyId = s.policyId
      AND x.controlId = s.controlId AND x.technologyId = s.technologyId AND x.first_run <= at.run)`;

const days = (from: string, to: string) => `CAST((unixepoch(${to}) - unixepoch(${from})) / 86400 AS INTEGER)`;

/** The views of a history by name, as SQL. Whole days are 24 hours, UTC. */
export const views: Readonly<Record<string, string>> = {
  v_open_failures: `SELECT ${named}, s.failing_since, s.failing_since_earliest,
  ${days('s.failing_since', 'at.startedAt')} AS days_open, s.first_fail_date_gateway
  FROM spans AS s JOIN (SELECT run, startedAt FROM runs ORDER BY run DESC LIMIT 1) AS at
  ${joined}
  WHERE s.ended IS NULL AND lower(s.status) = 'failed'`,
  v_time_to_fix: `SELECT ${named}, s.failing_since, r.startedAt AS fixed_at, ${days('s.failing_since', 'r.startedAt')} AS days
  FROM spans AS s JOIN runs AS at ON at.run = s.last_run
  JOIN runs AS r ON r.run = (SELECT min(x.first_run) FROM spans AS x WHERE x.policyId = s.policyId AND x.hostId = s.hostId
    AND x.controlId = s.controlId AND x.technologyId = s.technologyId AND x.instance = s.instance AND x.first_run > s.first_run)
  ${joined}
  WHERE s.ended = 'passed' AND s.failing_since IS NOT NULL`,
  v_trend: `SELECT r.runId, r.startedAt, n.policyId,
  (SELECT p.policyTitle FROM policies AS p WHERE p.policyId = n.policyId AND p.first_run <= n.run
    ORDER BY p.first_run DESC LIMIT 1) AS policyTitle,
  n.criticality_label, n.status, n.n
  FROM (SELECT run, policyId, criticality_label, status, sum(n) AS n FROM run_counts
    GROUP BY run, policyId, criticality_label, status) AS n JOIN runs AS r ON r.run = n.run`,
};
