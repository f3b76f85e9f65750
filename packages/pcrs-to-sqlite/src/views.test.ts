import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { bookkeepingColumns, flatPostureColumns } from 'pcrs-records/columns';
import { hostIds, load, newDatabase, policy, posture, query } from './fixture.test.ts';

/** The only row of a view. */
function row(path: string, view: string): Record<string, unknown> {
  const rows = query(path, `SELECT * FROM ${view}`);
  assert.equal(rows.length, 1);
  return { ...rows[0] };
}

test('v_pcrs_postureinfo has the flat columns, then the bookkeeping ones', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  const names = [...flatPostureColumns, ...bookkeepingColumns].map(({ name }) => name);
  assert.deepEqual(Object.keys(row(path, 'v_pcrs_postureinfo')), names);
});

test('v_pcrs_postureinfo joins the texts of the control and splits nested members', async () => {
  const path = newDatabase();
  await load(path, [{ ...posture, criticality: { label: 'URGENT', value: true } }]);
  const flat = row(path, 'v_pcrs_postureinfo');
  assert.equal(flat['policyTitle'], posture.policyTitle);
  assert.equal(flat['remediation'], posture.remediation);
  assert.equal(flat['technology_id'], 331n);
  assert.equal(flat['technology_name'], 'Windows 11');
  assert.equal(flat['criticality_label'], 'URGENT');
  assert.equal(flat['criticality_value'], 'true');
  assert.equal(flat['evidence_expectedValues'], '^(1|2)$');
  assert.equal(flat['evidence_currentValues'], '["0"]');
  assert.equal(flat['evidence_other'], '{"extended":{"n":1.5}}');
  assert.equal(flat['causeOfFailure_missing'], '');
  assert.equal(flat['causeOfFailure_unexpected'], '0');
  assert.equal(flat['causeOfFailure_other'], null);
});

test('v_pcrs_postureinfo shows nested members that are not objects as they are', async () => {
  const path = newDatabase();
  const { technologyId: _, ...odd } = {
    ...posture,
    evidence: 'a text',
    causeOfFailure: [1],
    technology: '{',
    criticality: null,
  };
  await load(path, [odd]);
  const flat = row(path, 'v_pcrs_postureinfo');
  assert.equal(flat['evidence_expectedValues'], null);
  assert.equal(flat['evidence_other'], 'a text');
  assert.equal(flat['causeOfFailure_other'], '[1]');
  assert.equal(flat['technology_name'], null);
  assert.equal(flat['criticality_label'], null);
  assert.equal(
    flat['controlStatement'],
    posture.controlStatement,
    'joined although the technology is absent',
  );
});

test("v_pcrs_hosts_without_posture lists a policy's hosts without a posture", async () => {
  const path = newDatabase();
  const loaded = await load(path, [policy, hostIds, posture, { ...posture, policyId: 9, hostId: 609153602 }]);
  assert.equal(loaded.hostsWithoutPosture, 1);
  const { policyId, policyTitle, hostId } = row(path, 'v_pcrs_hosts_without_posture');
  assert.deepEqual([policyId, policyTitle, hostId], [85361n, policy.title, 609153602n]);
});

test('v_qetl_ views have the columns of their tables, with the values that QualysETL stored', async () => {
  const path = newDatabase();
  const loose = { ...posture, assetId: null, dns: 'a\rb', lastFailDate: '2023-09-15T09:16:33.25Z' };
  await load(path, [policy, hostIds, loose]);
  for (const table of ['policy_list', 'hostids', 'postureinfo', 'postureinfo_controls']) {
    const columns = (name: string) =>
      query(path, 'SELECT name FROM pragma_table_info(?)', name).map((column) => column['name']);
    assert.deepEqual(columns(`v_qetl_${table}`), columns(`q_pcrs_${table}`));
  }
  const old = row(path, 'v_qetl_postureinfo');
  assert.equal(old['lastFailDate'], '2023-09-15 09:16:33');
  assert.equal(old['created'], '2023-09-15 11:17:02');
  assert.equal(old['lastPassDate'], '');
  assert.equal(old['assetId'], 0n);
  assert.equal(old['dns'], 'ab');
  assert.equal(old['CLOUD_RESOURCE_ID'], '');
  const listed = row(path, 'v_qetl_policy_list');
  assert.equal(listed['modifiedDate'], '2014-03-27 03:24:24');
  assert.equal(listed['lastEvaluatedDate'], '');
  assert.equal(listed['createdBy'], 'acme_TZ1');
});

test("QualysETL's own spelling of names finds the same tables and columns", async () => {
  const path = newDatabase();
  await load(path, [policy, hostIds, posture]);
  const sql = `SELECT P.POLICYID, C.ControlStatement, L.Title, H.HOSTID
    FROM Q_PCRS_PostureInfo P
    JOIN Q_PCRS_PostureInfo_Controls C USING (policyId, controlId, technologyId)
    JOIN Q_PCRS_Policy_List L ON L.id = P.policyId
    JOIN Q_PCRS_HostIds H ON H.hostId = P.hostId AND H.policyId = P.policyId`;
  assert.equal(query(path, sql).length, 1);
});

test('v_pcrs_postureinfo shows added members after its own columns', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  await load(path, [{ ...posture, owner: 'unix team', evidence_other: 'not ours' }]);
  const flat = row(path, 'v_pcrs_postureinfo');
  assert.equal(Object.keys(flat).at(-1), 'owner');
  assert.equal(flat['owner'], 'unix team');
  assert.equal(flat['evidence_other'], '{"extended":{"n":1.5}}');
});

test('v_pcrs_failed lists what fails, with the days since the gateway first saw it fail', async () => {
  const path = newDatabase();
  const firstFailDate = new Date(Date.now() - 10.5 * 86_400_000).toISOString();
  await load(path, [
    { ...posture, firstFailDate },
    { ...posture, id: 2, controlId: 2, status: 'Passed', firstFailDate },
    { ...posture, id: 3, controlId: 3, firstFailDate: '' },
  ]);
  assert.deepEqual(
    query(path, 'SELECT id, days_since_first_fail FROM v_pcrs_failed ORDER BY id').map((one) => ({
      ...one,
    })),
    [
      { id: 3n, days_since_first_fail: null },
      { id: BigInt(posture.id), days_since_first_fail: 10n },
    ],
  );
});

test('v_pcrs_hosts has a row per host, named as in its last scan, with failures by criticality', async () => {
  const path = newDatabase();
  const urgent = { label: 'URGENT', value: 5 };
  await load(path, [
    { ...posture, criticality: urgent, netBios: 'NEW', complianceLastScanDate: '2026-11-20T00:00:00Z' },
    { ...posture, id: 2, policyId: 2, netBios: 'OLD', complianceLastScanDate: '2026-11-19T00:00:00Z' },
    { ...posture, id: 3, controlId: 3, status: 'Error', criticality: 'text', complianceLastScanDate: null },
    { ...posture, id: 4, hostId: 4, controlId: 4, complianceLastScanDate: null },
  ]);
  const [host, other] = query(path, 'SELECT * FROM v_pcrs_hosts ORDER BY hostId DESC');
  assert.equal(host?.['netBios'], 'NEW');
  const { policies, postures, failed, failed_urgent, errors } = host as Record<string, unknown>;
  assert.deepEqual([policies, postures, failed, failed_urgent, errors], [2n, 3n, 2n, 1n, 1n]);
  assert.equal(other?.['postures'], 1n);
});

/** SQLite's query plan, line by line. */
function plan(path: string, sql: string): string[] {
  return query(path, `EXPLAIN QUERY PLAN ${sql}`).map((one) => String(one['detail']));
}

test("QualysETL's five-way join over v_qetl_ views and lookups by host and control use indexes", async () => {
  const path = newDatabase();
  await load(path, [policy, hostIds, posture]);
  const lookUps = [
    `SELECT * FROM v_qetl_postureinfo p
       JOIN v_qetl_postureinfo_controls c ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = p.technologyId
       JOIN v_qetl_policy_list l ON l.id = p.policyId
       JOIN v_qetl_hostids h ON h.hostId = p.hostId AND h.policyId = p.policyId`,
    `SELECT * FROM q_pcrs_hostids h WHERE NOT EXISTS (SELECT 1 FROM q_pcrs_postureinfo p WHERE p.hostId = h.hostId)`,
    `SELECT * FROM q_pcrs_postureinfo p JOIN q_pcrs_postureinfo_controls c USING (controlId)`,
    'SELECT * FROM q_pcrs_postureinfo WHERE controlId = 1',
  ];
  for (const sql of lookUps) {
    const [first, ...rest] = plan(path, sql).filter((line) => /SCAN|SEARCH/.test(line));
    assert.ok(first);
    assert.deepEqual(
      rest.filter((line) => !/SEARCH .* USING .*INDEX (i_pcrs|q_pcrs_\w+_key)/.test(line)),
      [],
      sql,
    );
    assert.doesNotMatch(rest.join(), /AUTOMATIC/);
  }
});

test('declares ids as 64 bits, since drivers take INTEGER for 32', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  const declared = query(path, "SELECT name, type FROM pragma_table_info('v_pcrs_postureinfo')");
  assert.equal(declared.find(({ name }) => name === 'id')?.['type'], 'BIGINT');
  assert.equal(declared.find(({ name }) => name === 'evidence_other')?.['type'], 'TEXT');
});

test('a database of layout 1 gets the later columns, views and indexes', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  const db = new Sqlite(path);
  for (const view of ['failed', 'postureinfo']) db.exec(`DROP VIEW v_pcrs_${view}`);
  db.exec('DROP VIEW v_qetl_postureinfo; DROP INDEX i_pcrs_postureinfo_host');
  db.exec('ALTER TABLE q_pcrs_postureinfo DROP COLUMN CloudMetaData; PRAGMA user_version = 1');
  db.close();
  await load(path, [{ ...posture, CloudMetaData: { a: 1 } }]);
  assert.equal(row(path, 'v_pcrs_postureinfo')['CloudMetaData'], '{"a":1}');
  assert.equal(query(path, "SELECT * FROM sqlite_master WHERE name = 'i_pcrs_postureinfo_host'").length, 1);
});

test('an index of an earlier definition is made anew by the next load', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  const db = new Sqlite(path);
  db.exec(
    'DROP INDEX i_pcrs_postureinfo_control; CREATE INDEX i_pcrs_postureinfo_control ON q_pcrs_postureinfo (controlId)',
  );
  db.close();
  await load(path, [posture]);
  const columns = query(
    path,
    "SELECT name FROM pragma_index_info('i_pcrs_postureinfo_control') ORDER BY seqno",
  );
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['controlId', 'policyId', 'technologyId', 'hostId', 'instance', 'status'],
  );
});

test('v_pcrs_pass_rate reads an index and no table but for the controls', async () => {
  const path = newDatabase();
  await load(path, [posture]);
  const steps = query(path, 'EXPLAIN QUERY PLAN SELECT * FROM v_pcrs_pass_rate').map(({ detail }) =>
    String(detail),
  );
  const scans = steps.filter((step) => step.startsWith('SCAN q_'));
  assert.ok(
    scans.length > 0 && scans.every((step) => step.includes('COVERING INDEX i_pcrs_postureinfo_control')),
  );
});
