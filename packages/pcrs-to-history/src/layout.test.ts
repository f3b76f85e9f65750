import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { add, newHistory, posture, query, spans } from './fixture.test.ts';

/** A history in layout 1: `v_trend` joined before it summed. */
async function ofLayout1(): Promise<string> {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Failed'), posture('1/2', 'Passed')]);
  const db = new Sqlite(path);
  db.exec(`DROP VIEW v_trend;
    CREATE VIEW v_trend AS SELECT r.runId, r.startedAt, n.policyId,
      (SELECT p.policyTitle FROM policies AS p WHERE p.policyId = n.policyId AND p.first_run <= r.run
        ORDER BY p.first_run DESC LIMIT 1) AS policyTitle,
      n.criticality_label, n.status, sum(n.n) AS n
      FROM run_counts AS n JOIN runs AS r ON r.run = n.run
      GROUP BY n.run, n.policyId, n.criticality_label, n.status;
    PRAGMA user_version = 1`);
  db.close();
  return path;
}

const layoutIn = (path: string) => query(path, 'PRAGMA user_version')[0].user_version;

test('brings an older history up to date, and keeps a copy of the old file', async () => {
  const path = await ofLayout1();
  const before = query(path, 'SELECT * FROM v_trend ORDER BY status');
  const notes: string[] = [];
  const { changed } = await add(path, '2026-11-02', [posture('1/1', 'Passed'), posture('1/2', 'Passed')], {
    log: { warn: assert.fail, note: (text) => notes.push(text) },
  });
  assert.equal(changed, 1);
  assert.deepEqual(notes, [`${path}: layout 1 becomes 2; as it was, it is ${path}.bak`]);
  assert.deepEqual([layoutIn(path), layoutIn(`${path}.bak`)], [2, 1]);
  assert.equal(statSync(`${path}.bak`).mode & 0o777, 0o600);
  assert.deepEqual(query(`${path}.bak`, 'SELECT * FROM v_trend ORDER BY status'), before);
  assert.deepEqual(spans(`${path}.bak`, '1/1'), ['Failed 1– open']);
  const trend = query(path, "SELECT * FROM v_trend WHERE startedAt LIKE '2026-11-01%' ORDER BY status");
  assert.deepEqual(trend, before);
});

test('leaves a history unchanged if it cannot be copied', async () => {
  const path = await ofLayout1();
  const before = readFileSync(path);
  const inTheWay = `${path}.bak`;
  mkdirSync(inTheWay);
  writeFileSync(`${inTheWay}/mine`, '');
  await assert.rejects(add(path, '2026-11-02', [posture('1/1', 'Passed')]), { code: 'PCRS_MACHINE' });
  assert.deepEqual(readFileSync(path), before);
  assert.ok(existsSync(`${inTheWay}/mine`));
});

test('refuses a history of a later layout, and another kind of database', async () => {
  const later = newHistory();
  await add(later, '2026-11-01', [posture('1/1', 'Failed')]);
  new Sqlite(later).exec('PRAGMA user_version = 99').close();
  await assert.rejects(add(later, '2026-11-02', []), {
    code: 'PCRS_USAGE',
    message: /newer pcrs-to-history/,
  });
  const other = newHistory();
  new Sqlite(other).exec('CREATE TABLE mine (x)').close();
  await assert.rejects(add(other, '2026-11-02', []), { code: 'PCRS_USAGE', message: /is not a history/ });
});
