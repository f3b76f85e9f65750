// The views and the queries of the README run on the oldest SQLite that they promise, as analysts' programs bring it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toSqlite } from 'pcrs-to-sqlite';
import { root } from '../scripts/run-program.ts';
import { asRun, asStream, hostIds, policy, posture } from './support/postgres-load.ts';

interface OldSqlite {
  Database: new (file: Uint8Array) => OldDatabase;
}
interface OldDatabase {
  exec(sql: string): { columns: string[]; values: unknown[][] }[];
}

const open = createRequire(import.meta.url)('sql.js/dist/sql-asm.js') as () => Promise<OldSqlite>;
const folder = mkdtempSync(join(tmpdir(), 'pcrs-old-sqlite-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function oldDatabase(): Promise<OldDatabase> {
  const path = join(folder, 'posture.db');
  const controls = { policyTitle: 'CIS', criticality: { label: 'URGENT', value: 5 } };
  const lines = ['Failed', 'Passed', 'PassedE', 'Error'].map((status, id) =>
    posture({ id, hostId: 1 + (id % 2), controlId: id, status, ...controls, owner: 'unix team' }),
  );
  // The first again, in a second batch.
  await toSqlite(
    path,
    asStream(asRun([policy, hostIds, ...lines, posture({ id: 0, controlId: 0, currentBatch: 2 })])),
  );
  const { Database } = await open();
  return new Database(readFileSync(path));
}

test('every view runs on SQLite 3.35.0', async () => {
  const db = await oldDatabase();
  assert.deepEqual(db.exec('SELECT sqlite_version()')[0]?.values, [['3.35.0']]);
  const views = db.exec("SELECT name FROM sqlite_master WHERE type = 'view'")[0]?.values ?? [];
  assert.ok(views.length >= 9);
  for (const [name] of views)
    assert.doesNotThrow(() => db.exec(`SELECT * FROM ${String(name)}`), String(name));
  const rates =
    'SELECT sum(postures), sum(passed), sum(excepted), sum(failed), sum(error) FROM v_pcrs_pass_rate';
  assert.deepEqual(db.exec(rates)[0]?.values, [[4, 1, 1, 1, 1]]);
});

test("the README's queries run on SQLite 3.35.0", async () => {
  const db = await oldDatabase();
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const queries = [...readme.matchAll(/sqlite3[^"\n]*"([^"]+)"/g)].map(([, sql]) => sql as string);
  assert.ok(queries.length > 0);
  for (const sql of queries) assert.doesNotThrow(() => db.exec(sql), sql);
});
