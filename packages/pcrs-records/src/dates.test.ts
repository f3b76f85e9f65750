import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDate, resolveDate } from './dates.ts';

const from = new Date('2026-11-23T10:20:30.456Z');

test('a relative date counts back from the given moment', () => {
  assert.equal(resolveDate('7d', from), '2026-11-16T10:20:30Z');
  assert.equal(resolveDate('36h', from), '2026-11-21T22:20:30Z');
});

test('an absolute date is passed on as written', () => {
  assert.equal(resolveDate('2026-11-01', from), '2026-11-01');
  assert.equal(resolveDate('2026-11-01T00:00:00Z', from), '2026-11-01T00:00:00Z');
});

test('a date that does not exist is refused', () => {
  for (const text of [
    '2026-02-30',
    '2026-13-01',
    'yesterday',
    '7',
    '2026-11-01T25:00:00Z',
    '2026-11-01 00:00:00',
    '7D',
  ]) {
    assert.throws(() => checkDate(text), /^Error: must be/);
  }
});
