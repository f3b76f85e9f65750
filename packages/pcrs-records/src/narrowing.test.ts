import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Start } from './kinds.ts';
import { narrowings, narrowingText } from './narrowing.ts';

function start(options: Record<string, unknown>): Start {
  return {
    ...{ kind: 'start', contract: 1, runId: 'r', stage: 'pcrs-policies', version: '0.1.0', startedAt: '' },
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, { value, from: 'flag' }]),
    ),
  };
}

test('names the flags that ask for less than all, and not those that take nothing away', () => {
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
