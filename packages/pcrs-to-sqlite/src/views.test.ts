import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('v_pcrs_postureinfo joins the texts of the control and takes nested members apart', async () => {
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

test('v_pcrs_postureinfo takes nested members that are none as they are', async () => {
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

test('v_pcrs_hosts_without_posture lists the hosts of a policy that no posture came for', async () => {
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
