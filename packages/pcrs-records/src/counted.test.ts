import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, withCommas } from './counted.ts';

test('agrees the noun with the number, and groups digits', () => {
  assert.deepEqual(
    [0, 1, 2, 1000].map((value) => counted(value, 'policy')),
    ['0 policies', '1 policy', '2 policies', '1,000 policies'],
  );
  assert.equal(counted(2, 'day'), '2 days');
  assert.equal(counted(3, 'try', 'tries'), '3 tries');
});

test('groups digits as Node does for English', () => {
  for (const value of [0, 7, 999, 1000, 12_345, 123_456, 1_234_567, -1234, -123_456])
    assert.equal(withCommas(value), value.toLocaleString('en-US'));
});
