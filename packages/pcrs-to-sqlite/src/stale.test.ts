import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostIds, load, newDatabase, policy, posture, query, run, runOn, start } from './fixture.test.ts';

const both = run([policy, { ...policy, id: 2 }, hostIds, posture, { ...posture, id: 6, controlId: 7 }]);
const one = run([policy, { ...hostIds, hostIds: ['609153601'] }, posture]);

async function loadedWithBoth(): Promise<string> {
  const path = newDatabase();
  assert.equal((await load(path, both)).stale, 0);
  return path;
}

test('counts the rows that a complete run did not name again, and keeps them', async () => {
  const path = await loadedWithBoth();
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line), note() {} };
  const loaded = await load(path, one, { log });
  assert.deepEqual(warnings, ['4 rows are no longer at the gateway; --prune removes them']);
  assert.equal(loaded.stale, 4, 'a policy, a host, a posture and a control');
  assert.deepEqual(Object.values(loaded.rows), [2, 2, 2, 2]);
});

test('removes them with prune, and only them', async () => {
  const path = await loadedWithBoth();
  const loaded = await load(path, one, { prune: true });
  assert.equal(loaded.stale, 4);
  assert.deepEqual(Object.values(loaded.rows), [1, 1, 1, 1]);
  assert.deepEqual(
    query(path, 'SELECT id, controlId FROM q_pcrs_postureinfo').map((row) => ({ ...row })),
    [{ id: 23006235045n, controlId: 10091n }],
  );
  assert.equal((await load(path, one, { prune: true })).stale, 0);
});

const otherScope = 'the database also holds records of another scope';

test("does not count or remove stale rows unless the run is complete, unfiltered, full and of the database's scope", async () => {
  const narrowed: [string, (object | string)[]][] = [
    ['the stream has no run', [policy]],
    ['records were filtered', one.filter((record) => record !== one[4])],
    ['records were added', [...one.slice(0, -1), posture, ...one.slice(-1)]],
    ['the run was limited by pcrs-posture --evaluated-since 2026-01-01', dated],
    [otherScope, run([policy], { 'exclude-inactive-controls': true })],
    [otherScope, one.with(3, start('pcrs-policies', { title: 'DISA' }))],
    [otherScope, one.with(3, start('pcrs-policies', { status: 'inactive' }))],
  ];
  for (const [why, stream] of narrowed) {
    const path = await loadedWithBoth();
    await nothingPruned(path, stream, why);
    assert.deepEqual(Object.values((await load(path, both)).rows), [2, 2, 2, 2], why);
  }
  const path = await loadedWithBoth();
  assert.equal((await load(path, one.with(3, start('pcrs-policies', { status: 'all' })))).stale, 4);
});

const dated = run([policy], { 'evaluated-since': '2026-01-01' });

async function nothingPruned(path: string, stream: (object | string)[], why: string): Promise<void> {
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line), note() {} };
  const loaded = await load(path, stream, { prune: true, log });
  assert.equal(loaded.stale, null, why);
  assert.match(warnings.join('\n'), new RegExp(`nothing pruned: ${why}`));
}

test('counts stale rows in a database of one narrowed scope', async () => {
  const path = newDatabase();
  const narrow = (records: readonly (object | string)[]) =>
    records.with(3, start('pcrs-policies', { title: 'DISA' }));
  await load(path, narrow(both));
  assert.equal((await load(path, narrow(one), { prune: true })).stale, 4);
});

test('a full run after one of another scope, or after records without a run, prunes nothing', async () => {
  const path = await loadedWithBoth();
  const warnings: string[] = [];
  const log = { warn: (line: string) => warnings.push(line), note() {} };
  await load(path, one.with(3, start('pcrs-policies', { title: 'DISA' })), { log });
  await load(path, one, { log });
  assert.deepEqual(warnings, [
    'this run has another scope than what was loaded before: from now on no row counts as stale, and --prune removes none',
  ]);
  await nothingPruned(path, one, otherScope);
  const other = newDatabase();
  await load(other, [policy]);
  await nothingPruned(other, one, otherScope);
});

test('several runs in a stream prove nothing: what the last did not name, an earlier one did', async () => {
  const path = await loadedWithBoth();
  await nothingPruned(path, [...both, ...runOn(28, [policy])], 'the stream has several runs');
});

test("judges only the tables that the run's stages fill", async () => {
  const path = await loadedWithBoth();
  const listing = run([policy]).filter((record) => !/hostids|posture/.test(JSON.stringify(record)));
  const loaded = await load(path, listing, { prune: true });
  assert.equal(loaded.stale, 1);
  assert.deepEqual(Object.values(loaded.rows), [1, 2, 2, 2]);
});

test('removes many rows in several transactions', async () => {
  const path = newDatabase();
  const many = Array.from({ length: 25_000 }, (_, index) => ({ ...hostIds, hostIds: [String(index + 1)] }));
  await load(path, run([policy, ...many, posture]));
  const loaded = await load(path, one, { prune: true });
  assert.equal(loaded.stale, 25_000);
  assert.equal(loaded.rows['q_pcrs_hostids'], 1);
});
