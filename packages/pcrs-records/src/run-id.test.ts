import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRunId } from './run-id.ts';

test('makes UUIDs v7 that sort by time and differ within a millisecond', () => {
  const ids = [new Date(0), new Date('2026-11-23T10:00:00.001Z'), new Date('2026-11-23T10:00:00.002Z')].map(
    newRunId,
  );
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(
    Number.parseInt(ids[1]!.replaceAll('-', '').slice(0, 12), 16),
    Date.parse('2026-11-23T10:00:00.001Z'),
  );
  const now = new Date();
  assert.equal(new Set(Array.from({ length: 100 }, () => newRunId(now))).size, 100);
});
