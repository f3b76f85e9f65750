import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationInFull, durationMs, durationWords } from './duration.ts';

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

test('prints an age in all its units, a part of a second as a whole one', () => {
  const words = [-5, 0, 1, 660_000, 660_001, 93_600_000, 175_200_000, 183_645_000].map(durationInFull);
  assert.deepEqual(words, [
    '0 s',
    '0 s',
    '1 s',
    '11 min',
    '11 min 1 s',
    '26 h',
    '2 d 40 min',
    '2 d 3 h 45 s',
  ]);
});
