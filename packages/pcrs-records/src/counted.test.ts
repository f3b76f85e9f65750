import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted } from './counted.ts';

test('agrees the noun with the number, and groups digits', () => {
  assert.deepEqual(
    [0, 1, 2, 1000].map((value) => counted(value, 'policy')),
    ['0 policies', '1 policy', '2 policies', '1,000 policies'],
  );
  assert.equal(counted(2, 'day'), '2 days');
  assert.equal(counted(3, 'try', 'tries'), '3 tries');
});
