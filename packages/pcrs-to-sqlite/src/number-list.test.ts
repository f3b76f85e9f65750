import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NumberList } from './number-list.ts';

test('takes as many numbers as come, and begins anew once they are taken', () => {
  const list = new NumberList();
  for (let number = 0; number < 10_000; number += 1) list.push(number);
  list.put(5000, list.get(5000) - 5001);
  const taken = list.take();
  assert.deepEqual([taken.length, taken[4999], taken[5000], taken[9999]], [10_000, 4999, -1, 9999]);
  list.push(7);
  assert.deepEqual([...list.take()], [7]);
});
