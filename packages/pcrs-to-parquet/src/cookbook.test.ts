// The cookbook's statements for DuckDB, as they stand there, over two days of a dataset.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { duckdb, folder, hostids, posture, runLines, write } from './dataset-fixture.test.ts';

const cookbook = readFileSync(new URL('../../../docs/cookbook.md', import.meta.url), 'utf8');

test("the cookbook's statements for DuckDB say what the dataset holds", async () => {
  const dir = folder();
  for (const [day, status] of [
    ['27', 'Failed'],
    ['28', 'Passed'],
  ]) {
    const more = {
      status,
      qdScore: 5,
      criticality: { label: 'URGENT', value: 5 },
      technology: { name: 'Linux' },
    };
    const records = [hostids, posture({ ...more, lastEvaluatedDate: '2026-11-27T04:00:00Z' })];
    const other = posture({ ...more, hostId: 12, status: 'Failed', technologyId: null });
    const run = { runId: `r${day}`, startedAt: `2026-11-${day}T05:00:00Z` };
    assert.equal((await write(dir, runLines([...records, other], run))).failure, undefined);
  }
  const [, block = ''] = /\*\*DuckDB\*\*.*?```sql\n(.*?)```/s.exec(cookbook) ?? [];
  const [days, view, failures, ...rest] = block.replaceAll("'lake/", `'${dirname(dir)}/lake/`).split(/;\s+/);
  assert.deepEqual(rest, ['']);
  assert.deepEqual(await duckdb(days!), [
    { snapshot_date: '2026-11-27', failed: '2', scored: '2' },
    { snapshot_date: '2026-11-28', failed: '1', scored: '2' },
  ]);
  const first =
    await duckdb(`${view}; SELECT technology_name, criticality_value, lastEvaluatedDate_at FROM flat
    WHERE hostId = 11 AND snapshot_date = '2026-11-28'`);
  assert.equal(first.length, 1);
  assert.deepEqual([first[0]!['technology_name'], first[0]!['criticality_value']], ['Linux', 5]);
  assert.match(String(first[0]!['lastEvaluatedDate_at']), /^2026-11-27/);
  assert.deepEqual(await duckdb(`${view}; ${failures}`), [
    { criticality_label: 'URGENT', hosts: '1', failures: '1' },
  ]);
});
