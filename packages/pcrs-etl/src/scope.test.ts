import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scopeOfStart } from './scope.ts';

const scope = (given: [string, unknown][], profile = {}, env = {}) =>
  scopeOfStart({ given: new Map(given), profile, env });

test('the scope of a start equals what its stages will write, wherever a flag comes from', () => {
  const all = scope([]);
  assert.deepEqual(all, {});
  assert.deepEqual(scope([['title', 'PCI']]), { 'pcrs-policies --title': 'PCI' });
  assert.deepEqual(scope([], { 'pcrs-policies': { title: 'PCI' } }), { 'pcrs-policies --title': 'PCI' });
  assert.deepEqual(scope([], {}, { PCRS_POLICIES_ID: '1,2' }), { 'pcrs-policies --id': ['1', '2'] });
  assert.deepEqual(scope([['scanned-since', '7d']]), {
    'pcrs-hostids --scanned-since': '7d',
    'pcrs-posture --scanned-since': '7d',
  });
  assert.deepEqual(scope([], {}, { PCRS_POSTURE_EXCLUDE_INACTIVE_CONTROLS: '1' }), {
    'pcrs-posture --exclude-inactive-controls': true,
  });
});

test('flags that only add to records or tune are not part of the scope', () => {
  assert.deepEqual(
    scope([
      ['evidence', true],
      ['qds', true],
      ['api-version', '4.0'],
      ['timeout', 5],
    ]),
    {},
  );
});
