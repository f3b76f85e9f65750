import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenFailures } from './chosen.ts';
import { FailureColumns } from './posture-tally.ts';

test('a cut keeps the first 50 hosts of each control, then the controls to fix first', () => {
  const failures = new FailureColumns();
  for (let host = 0; host < 100; host += 1)
    for (const control of [0, 1, 2]) failures.add(control, host, 0, undefined, 1);
  // Control 2 comes first.
  const chosen = chosenFailures(failures, [1, 2, 0], 180);
  const count = (control: number) => chosen.filter((at) => failures.control[at] === control).length;
  assert.deepEqual([count(0), count(1), count(2)], [50, 50, 80]);
  assert.equal(failures.control[chosen[0]!], 2);
  assert.equal(chosenFailures(failures, [1, 2, 0], 1000).length, 300);
});
