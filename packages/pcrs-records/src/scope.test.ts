import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Start } from './kinds.ts';
import {
  baseOf,
  isSameScope,
  narrowings,
  narrowingText,
  scopeOf,
  scopeOfOptions,
  scopeWords,
  unionOfScopes,
} from './scope.ts';

function start(options: Record<string, unknown>, { stage = 'pcrs-policies', from = 'flag' } = {}): Start {
  return {
    ...{ kind: 'start', contract: 1, runId: 'r', stage, version: '0.1.0', startedAt: '' },
    options: Object.fromEntries(Object.entries(options).map(([name, value]) => [name, { value, from }])),
  };
}

const yesterday = { 'evaluated-since': '1d' };

test('lists the flags that narrow a run, and omits those that exclude nothing', () => {
  const options = {
    ...{ title: 'DISA', id: [1, 2], status: 'all', 'asset-state': 'ALL', retries: 3 },
    ...{ 'evaluated-since': '2026-11-01', 'exclude-inactive-controls': true },
  };
  const found = narrowings(start(options));
  assert.deepEqual(found.map(narrowingText), [
    'pcrs-policies --title DISA',
    'pcrs-policies --id 1,2',
    'pcrs-policies --evaluated-since 2026-11-01',
    'pcrs-policies --exclude-inactive-controls',
  ]);
  assert.deepEqual(
    found.filter(({ isDate }) => isDate).map(({ flag }) => flag),
    ['evaluated-since'],
  );
  assert.deepEqual(
    narrowings(start({ status: 'active' })).map(({ flag }) => flag),
    ['status'],
  );
  assert.deepEqual(narrowings({ ...start({}), options: undefined as never }), []);
});

test("a run's scope is the union of its stages' scopes, without the date that an incremental run added", () => {
  const starts = [
    start(yesterday, { stage: 'pcrs-posture', from: 'incremental' }),
    start({ 'asset-state': 'ACTIVE' }, { stage: 'pcrs-hostids' }),
    start({ title: 'DISA', id: ['1', '2'] }),
  ];
  const scope = {
    'pcrs-hostids --asset-state': 'ACTIVE',
    'pcrs-policies --id': ['1', '2'],
    'pcrs-policies --title': 'DISA',
  };
  assert.deepEqual(scopeOf(starts), scope);
  assert.deepEqual(Object.keys(scopeOf(starts)), Object.keys(scope), 'sorted');
  assert.deepEqual(scopeOf([start({}), start({ retries: 3 })]), {});
});

test('the scope holds the values of two parallel stages with different flags', () => {
  assert.deepEqual(scopeOf([start({ title: 'A' }), start({ title: 'B' }), start({ title: 'A' })]), {
    'pcrs-policies --title': ['A', 'B'],
  });
});

test('keeps both values when a part of a part is read', () => {
  const failed = { 'pcrs-from-sqlite --posture-status': ['Failed'] };
  const error = { 'pcrs-from-sqlite --posture-status': ['Error'], 'pcrs-from-sqlite --id': ['1'] };
  assert.deepEqual(unionOfScopes([failed, error]), {
    'pcrs-from-sqlite --id': ['1'],
    'pcrs-from-sqlite --posture-status': [['Failed'], ['Error']],
  });
});

test('prefers a scope and a base written in the start to its options', () => {
  const from = { ...start({}, { stage: 'pcrs-from-sqlite' }), scope: { 'pcrs-policies --title': 'PCI' } };
  assert.deepEqual(scopeOf([from]), { 'pcrs-policies --title': 'PCI' });
  assert.equal(baseOf([{ ...start(yesterday), base: 'full' }]), 'full');
});

test("a run's base is the weakest of its stages' bases", () => {
  const full = start({ title: 'DISA' });
  const delta = start(yesterday, { from: 'incremental' });
  const dated = start(yesterday);
  assert.equal(baseOf([full, full]), 'full');
  assert.equal(baseOf([full, delta]), 'delta');
  assert.equal(baseOf([delta, dated, full]), 'dated');
  assert.equal(baseOf([]), 'full');
});

test('compares scopes by content and puts them into words', () => {
  const scope = scopeOfOptions('pcrs-policies', { title: { value: 'PCI', from: 'flag' } });
  assert.ok(isSameScope(scope, { 'pcrs-policies --title': 'PCI' }));
  assert.ok(!isSameScope(scope, {}));
  assert.ok(isSameScope({ a: ['1'], b: 2 }, { b: 2, a: ['1'] }));
  assert.equal(scopeWords({}), 'all policies');
  assert.equal(scopeWords(scope), '--title PCI');
  const dated = scopeOf([start(yesterday), start(yesterday, { stage: 'pcrs-posture' })]);
  assert.equal(scopeWords(dated), '--evaluated-since 1d');
});
