import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { checkLayout, layoutVersion } from './layout.ts';
import { openForReading } from './open.ts';
import { incompleteness, readSnapshotStatus } from './snapshot-status.ts';

const directory = mkdtempSync(join(tmpdir(), 'pcrs-database-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function made(name: string, sql: string): string {
  const path = join(directory, name);
  const db = new Sqlite(path);
  db.exec(sql);
  db.close();
  return path;
}

async function check(path: string): Promise<void> {
  const database = await openForReading(path);
  try {
    await checkLayout(database, path);
  } finally {
    database.close();
  }
}

const key = 'PRIMARY KEY (policyId, hostId, id, currentBatch)';
const columns = 'id, policyId, hostId, currentBatch, status';

test('tells a database of pcrs-to-sqlite from any other', async () => {
  await check(made('ours.db', `CREATE TABLE q_pcrs_postureinfo (${columns}, ${key})`));
  const others = {
    'other.db': [
      'CREATE TABLE t (n)',
      /other\.db is not a database of pcrs-to-sqlite: it has no q_pcrs_postureinfo/,
    ],
    'qetl.db': [`CREATE TABLE q_pcrs_postureinfo (${columns})`, /its q_pcrs_postureinfo has another key/],
  } as const;
  for (const [name, [sql, message]] of Object.entries(others))
    await assert.rejects(check(made(name, sql)), { code: 'PCRS_RECORD', message });
});

test('refuses an unknown later layout', async () => {
  const path = made('later.db', `PRAGMA user_version = ${layoutVersion + 1}; CREATE TABLE t (n)`);
  await assert.rejects(check(path), {
    code: 'PCRS_USAGE',
    message: /was made by a newer pcrs-to-sqlite; update/,
  });
});

test('reads nothing from a database without valid status rows', async () => {
  const rows =
    "INSERT INTO q_pcrs_status VALUES ('LOAD', 'no json', NULL, NULL), ('SOURCE', NULL, NULL, NULL)";
  const table =
    'CREATE TABLE q_pcrs_status (STATUS_NAME, STATUS_DETAIL, LAST_BATCH_PROCESSED, Row_Last_Updated)';
  for (const [name, sql] of [
    ['silent.db', 'CREATE TABLE t (n)'],
    ['mumbling.db', `${table}; ${rows}`],
  ] as const) {
    const database = await openForReading(made(name, sql));
    const status = await readSnapshotStatus(database);
    database.close();
    const nothing = { load: undefined, run: undefined, runs: [], scope: undefined };
    assert.deepEqual(status, { gateway: null, subscriptionId: null, stages: [], ...nothing });
    assert.equal(incompleteness(status)?.code, 'no_load');
  }
});
