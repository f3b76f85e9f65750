import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openForWriting } from './open-for-writing.ts';
import { temporaryStore } from './temporary-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-temporary-'));
test.after(() => rmSync(folder, { recursive: true }));

test('sorts in files, and in memory on a machine without a folder for them', () => {
  assert.equal(temporaryStore([join(folder, 'missing'), folder]), 'FILE');
  assert.equal(temporaryStore([join(folder, 'missing')]), 'MEMORY');
});

test('a database opened for writing sorts in files', async () => {
  const database = await openForWriting(join(folder, 'posture.db'));
  assert.equal(database.db.pragma('temp_store', { simple: true }), 1);
  database.close();
});
