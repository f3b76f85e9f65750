import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindSums } from './kind-sums.ts';

test('counts and sums records by kind', () => {
  const records = new KindSums();
  records.add('policy', 1, 5);
  records.add('posture', 2, 2 ** 53 - 1);
  records.add('posture', 1, 3);
  const all = new KindSums();
  all.addAll(records);
  all.addAll(records);
  assert.deepEqual(all.counts, { policy: 2, posture: 6 });
  assert.deepEqual(all.sums, { policy: '10', posture: '4' });
  assert.deepEqual([all.total, all.count('hostids'), all.sum('hostids')], [8, 0, 0]);
});

test('a kind may be called like a property of every object', () => {
  const records = new KindSums();
  for (const kind of ['constructor', '__proto__', 'constructor']) records.add(kind, 1, 5);
  const entries = (pairs: object) => Object.entries(pairs).map(([kind, value]) => `${kind} ${value}`);
  assert.deepEqual(entries(records.counts), ['constructor 2', '__proto__ 1']);
  assert.deepEqual(entries(records.sums), ['constructor 10', '__proto__ 5']);
});
