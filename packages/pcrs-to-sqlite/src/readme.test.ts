import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hostIds, load, newDatabase, policy, posture, query, run } from './fixture.test.ts';

test("the README's queries return rows", async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const path = newDatabase();
  await load(path, run([policy, hostIds, posture]));
  const queries = [...readme.matchAll(/```sql\n(.*?)```/gs)].map(([, sql]) => sql as string);
  assert.equal(queries.length, 4);
  for (const sql of queries) assert.equal(query(path, sql).length, 1, sql);
});
