import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openForWriting, spill } from './open-for-writing.ts';

const directory = mkdtempSync(join(tmpdir(), 'pcrs-database-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('a transaction larger than the cache waits in memory, unless it may spill', async () => {
  const path = join(directory, 'large.db');
  const { begin, close, db, rollback } = await openForWriting(path);
  const grow = () => {
    const before = statSync(path).size;
    db.exec(
      'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT zeroblob(1 << 20) FROM n',
    );
    return statSync(path).size - before;
  };
  try {
    db.exec('CREATE TABLE t (x)');
    await begin();
    assert.equal(grow(), 0);
    spill(db, true);
    assert.ok(grow() > 5 << 20);
    rollback();
  } finally {
    close();
  }
});
