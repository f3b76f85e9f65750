// What analysts ask, at a million postures: each question with its seconds and its query plan. Makes the database from
// the simulator unless one is given: node --conditions=pcrs-source bench/questions.ts [DB]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openForReading } from 'pcrs-database/open';
import { root } from '../scripts/run-program.ts';
import { sourceEnvironment } from '../scripts/source-bins.ts';

/** 100 policies × 50 hosts × 200 controls. */
const world = '--seed 1 --policies 115 --hosts 3000 --hosts-per-policy 50 --controls 200 --rate-limit off';

/** A question, its SQL, and whether it looks at every posture by its nature. */
const questions: readonly [string, string, 'look-up' | 'scan'][] = [
  [
    'failing criticals by policy',
    "SELECT policyTitle, sum(failed) AS failed FROM v_pcrs_pass_rate WHERE criticality_label IN ('URGENT', 'CRITICAL') GROUP BY policyId ORDER BY failed DESC",
    'scan',
  ],
  [
    'hosts with most failing criticals',
    'SELECT hostId, dns, failed_urgent + failed_critical AS failed FROM v_pcrs_hosts ORDER BY failed DESC LIMIT 20',
    'scan',
  ],
  [
    'failing criticals by technology',
    "SELECT technology_name, sum(failed) AS failed FROM v_pcrs_pass_rate WHERE criticality_label IN ('URGENT', 'CRITICAL') GROUP BY technologyId ORDER BY failed DESC",
    'scan',
  ],
  [
    'pass rate by policy',
    'SELECT policyTitle, round(100.0 * sum(passed + excepted) / sum(passed + excepted + failed), 1) AS rate FROM v_pcrs_pass_rate GROUP BY policyId ORDER BY rate',
    'scan',
  ],
  [
    'newest failures of a policy',
    "SELECT hostId, controlId, firstFailDate FROM q_pcrs_postureinfo WHERE policyId = $policy AND status = 'Failed' ORDER BY firstFailDate DESC LIMIT 20",
    'look-up',
  ],
  [
    'oldest open failures',
    "SELECT hostId, controlId, firstFailDate FROM q_pcrs_postureinfo WHERE status = 'Failed' AND firstFailDate <> '' ORDER BY firstFailDate LIMIT 20",
    'scan',
  ],
  ['hosts without posture', 'SELECT * FROM v_pcrs_hosts_without_posture', 'look-up'],
  [
    'evidence of a control on a host',
    'SELECT status, evidence_expectedValues, evidence_currentValues FROM v_pcrs_postureinfo WHERE hostId = $host AND controlId = $control',
    'look-up',
  ],
  [
    'everything of a host that fails',
    "SELECT policyTitle, controlStatement FROM v_pcrs_postureinfo WHERE hostId = $host AND status = 'Failed'",
    'look-up',
  ],
  [
    'controls with most failures',
    "SELECT controlId, count(*) AS failed FROM q_pcrs_postureinfo WHERE status = 'Failed' GROUP BY controlId ORDER BY failed DESC LIMIT 20",
    'scan',
  ],
  [
    'hosts not scanned for 30 days',
    "SELECT hostId, dns, complianceLastScanDate FROM v_pcrs_hosts WHERE complianceLastScanDate < strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-30 days')",
    'scan',
  ],
  [
    "QualysETL's five-way join, a host",
    `SELECT P.id, L.title, C.controlStatement, P.status FROM v_qetl_postureinfo P
      JOIN v_qetl_postureinfo_controls C ON C.policyId = P.policyId AND C.controlId = P.controlId AND C.technologyId = P.technologyId
      JOIN v_qetl_policy_list L ON L.id = P.policyId
      JOIN v_qetl_hostids H ON H.policyId = P.policyId AND H.hostId = P.hostId
      JOIN q_pcrs_status S ON S.STATUS_NAME = 'q_pcrs_postureinfo' WHERE P.hostId = $host`,
    'look-up',
  ],
  [
    "QualysETL's five-way join, counted whole",
    `SELECT count(*) FROM v_qetl_postureinfo P
      JOIN v_qetl_postureinfo_controls C ON C.policyId = P.policyId AND C.controlId = P.controlId AND C.technologyId = P.technologyId
      JOIN v_qetl_policy_list L ON L.id = P.policyId
      JOIN v_qetl_hostids H ON H.policyId = P.policyId AND H.hostId = P.hostId
      JOIN q_pcrs_status S ON S.STATUS_NAME = 'q_pcrs_postureinfo'`,
    'scan',
  ],
  [
    'hosts without a failure (NOT EXISTS by host)',
    "SELECT count(*) FROM (SELECT DISTINCT hostId FROM q_pcrs_hostids) h WHERE NOT EXISTS (SELECT 1 FROM q_pcrs_postureinfo p WHERE p.hostId = h.hostId AND p.status = 'Failed')",
    'look-up',
  ],
];

const path = process.argv[2] ?? makeDatabase(join(root, 'bench', 'data', 'million.db'));
const { db, close } = await openForReading(path);
const [postures, host, policy, control] = (
  db
    .prepare(
      'SELECT (SELECT count(*) FROM q_pcrs_postureinfo), hostId, policyId, controlId FROM q_pcrs_postureinfo LIMIT 1 OFFSET 1000',
    )
    .raw()
    .get() as (number | bigint)[]
).map(Number) as [number, number, number, number];
const lines = [
  `${postures.toLocaleString('en-US')} postures, ${Math.round(statSync(path).size / 1e6)} MB`,
  '',
  '| question | | rows | seconds |',
  '|---|---|---|---|',
];
const plans: string[] = [];
for (const [question, sql, nature] of questions) {
  const bound = Object.fromEntries(
    Object.entries({ host, policy, control }).filter(([name]) => sql.includes(`$${name}`)),
  );
  const statement = db.prepare(sql);
  // The second time counts: a cold disk says nothing of the query.
  let seconds = 0;
  let rows = 0;
  for (let time = 0; time < 2; time += 1) {
    const began = performance.now();
    rows = statement.all(bound).length;
    seconds = (performance.now() - began) / 1000;
  }
  lines.push(`| ${question} | ${nature} | ${rows} | ${seconds.toFixed(2)} |`);
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(bound) as { detail: string }[];
  const steps = plan.map(({ detail }) => `    ${detail}`).join('\n');
  plans.push(`**${question}**\n\n    ${sql.replace(/\s+/g, ' ')}\n\n${steps}`);
}
close();
process.stdout.write(`${[lines.join('\n'), ...plans].join('\n\n')}\n`);

/** Makes the database once, and finds it again later. */
function makeDatabase(file: string): string {
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.part`;
  rmSync(draft, { force: true });
  const script = `
    pcrs-simulator --port 0 ${world} > listening & simulator=$!
    trap 'kill $simulator; rm -r listening state' EXIT
    until [ -s listening ]; do sleep 0.1; done
    export PCRS_GATEWAY=$(sed 's/.*"gateway":"\\([^"]*\\)".*/\\1/' listening) PCRS_RATE=1000/1 PCRS_STATE_DIR=$PWD/state
    export PCRS_USERNAME=bench PCRS_PASSWORD='open sesame'
    pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence | pcrs-to-sqlite ${draft} > /dev/null`;
  const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: dirname(file),
    env: sourceEnvironment(),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the database could not be made: ${stderr}`);
  renameSync(draft, file);
  return file;
}
