import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Gates, type Gauged, missedGates } from './gates.ts';

const hour = 3_600_000;
const postures = { passed: 60, excepted: 10, failed: 30, error: 5, other: 0 };
const measures = { policies: 3, hosts: 20, postures, passRate: 70, failedBy: { URGENT: 2, MINIMAL: 28 } };
const gauged: Gauged = { ageMs: 3 * hour, fullAgeMs: 80 * hour, measures };
const missed = (gates: Gates, more: Partial<Gauged> = {}) =>
  missedGates(gates, { ...gauged, ...more }).map(({ message }) => message);

test('gates that are met give no reason', () => {
  const gates: Gates = {
    ...{ maxAgeMs: 3 * hour, maxFullAgeMs: 100 * hour, minPass: 70, minHosts: 20, minPolicies: 3 },
    maxFailed: { urgent: 2, CRITICAL: 0 },
  };
  assert.deepEqual(missed(gates), []);
  assert.deepEqual(missed({}), []);
});

test('each gate that is missed names the value found and the limit', () => {
  assert.deepEqual(missed({ maxAgeMs: 2 * hour }), ['it is 3 h old, --max-age is 2 h']);
  assert.deepEqual(missed({ maxFullAgeMs: 72 * hour }), [
    'its last full run is 3 d 8 h old, --max-full-age is 3 d',
  ]);
  assert.deepEqual(missed({ minPass: 71 }), ['the pass rate is 70 %, --min-pass is 71']);
  assert.deepEqual(missed({ maxFailed: { URGENT: 1 } }), [
    '2 failed postures of URGENT (--max-failed URGENT=1)',
  ]);
  assert.deepEqual(missed({ minHosts: 21, minPolicies: 4 }), [
    'the number of hosts is 20, --min-hosts is 21',
    'the number of policies is 3, --min-policies is 4',
  ]);
});

test('an age barely over its limit shows that it is over', () => {
  const minute = 60_000;
  const old = (fullAgeMs: number, maxFullAgeMs: number) => missed({ maxFullAgeMs }, { fullAgeMs });
  assert.deepEqual(old(11.5 * minute, 11 * minute), [
    'its last full run is 11 min 30 s old, --max-full-age is 11 min',
  ]);
  assert.deepEqual(old(26 * hour + 1, 26 * hour), [
    'its last full run is 26 h 1 s old, --max-full-age is 26 h',
  ]);
  assert.deepEqual(old(80.5 * hour, 80 * hour), [
    'its last full run is 3 d 8 h 30 min old, --max-full-age is 3 d 8 h',
  ]);
});

test('an unknown value, or one from the future, misses every gate', () => {
  const nothing = { ageMs: null, fullAgeMs: null, measures: null };
  const gates: Gates = {
    maxAgeMs: hour,
    maxFullAgeMs: hour,
    minPass: 0,
    minHosts: 0,
    maxFailed: { URGENT: 9 },
  };
  assert.equal(missed(gates, nothing).length, 5);
  assert.deepEqual(missed({ maxAgeMs: hour }, { ageMs: -24 * hour }), [
    'it is from the future (is the clock right?), --max-age is 1 h',
  ]);
});
