import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs, durationWords } from './duration.ts';

test('reads minutes, hours and days, and nothing else', () => {
  assert.equal(durationMs('90m'), 5_400_000);
  assert.equal(durationMs('26h'), 93_600_000);
  assert.equal(durationMs('7d'), 604_800_000);
  for (const text of ['', '26', '0h', '-1h', '1.5h', '26 h', '1w'])
    assert.throws(() => durationMs(text), /must be/);
});

test('prints an age in its two largest units', () => {
  const words = [-5, 0, 59_999, 60_000, 3_599_999, 3_600_000, 93_600_000, 172_800_000, 183_600_000].map(
    durationWords,
  );
  assert.deepEqual(words, ['0 s', '0 s', '59 s', '1 min', '59 min', '1 h', '26 h', '2 d', '2 d 3 h']);
});
