import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostIds, load, newDatabase, policy, posture, query, runOn } from './fixture.test.ts';

const statusOf = (path: string) => query(path, 'SELECT status FROM q_pcrs_postureinfo')[0]?.['status'];
const saying = (status: string) => [policy, hostIds, { ...posture, status }];

test('refuses a run older than the newest in a database, and stores nothing of it', async () => {
  const path = newDatabase();
  await load(path, runOn(5, saying('Failed')));
  await assert.rejects(load(path, runOn(4, saying('Passed'))), {
    code: 'PCRS_RECORD',
    message:
      /^stdin:1: the run started 2026-11-04T03:00:00Z, but this database holds one that started 2026-11-05/,
  });
  assert.equal(statusOf(path), 'Failed');
  await load(path, runOn(5, saying('Failed')));
  await load(path, runOn(4, saying('Passed')), { allowOlder: true });
  assert.equal(statusOf(path), 'Passed');
});

test('refuses an older run after a newer one in one stream', async () => {
  const path = newDatabase();
  await assert.rejects(load(path, [...runOn(5, saying('Failed')), ...runOn(4, saying('Passed'))]), {
    code: 'PCRS_RECORD',
    message: /^stdin:11: /,
  });
  assert.equal(statusOf(path), 'Failed');
});

const evidence = { expectedValues: 'new' };
const { evidence: _e, causeOfFailure: _c, ...plain } = posture;
const stored = (path: string) =>
  Object.values({ ...query(path, 'SELECT status, evidence, causeOfFailure FROM q_pcrs_postureinfo')[0] });

test('evidence belongs to an evaluation: if absent under a new status or evaluation date, the old one goes', async () => {
  const [proof, cause] = [JSON.stringify(posture.evidence), JSON.stringify(posture.causeOfFailure)];
  const cases: [object, unknown[]][] = [
    [{ ...plain, dns: 'other' }, ['Failed', proof, cause]],
    [{ ...plain, status: 'Passed' }, ['Passed', null, null]],
    [{ ...plain, lastEvaluatedDate: '2026-11-06T00:00:00Z' }, ['Failed', null, null]],
    [{ ...plain, status: 'Passed', evidence }, ['Passed', JSON.stringify(evidence), null]],
    [{ ...plain, status: 'Passed', causeOfFailure: null, evidence: null }, ['Passed', null, null]],
  ];
  for (const [record, due] of cases) {
    const path = newDatabase();
    await load(path, runOn(5, [policy, hostIds, posture]));
    await load(path, runOn(6, [policy, hostIds, record]));
    assert.deepEqual(stored(path), due, JSON.stringify(record));
  }
});

test('the same record without evidence twice changes no row', async () => {
  const path = newDatabase();
  await load(path, runOn(5, [policy, hostIds, posture]));
  await load(path, runOn(6, [policy, hostIds, { ...plain, status: 'Passed' }]));
  const rows = () => query(path, 'SELECT * FROM q_pcrs_postureinfo');
  const before = rows();
  await load(path, runOn(6, [policy, hostIds, { ...plain, status: 'Passed' }]));
  assert.deepEqual(rows(), before);
});
