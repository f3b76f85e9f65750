import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { before, test } from 'node:test';
import { openHandle } from 'pcrs-database/open-for-writing';
import { openSource } from 'pcrs-from-sqlite';
import { load, newDatabase, read } from './fixture.test.ts';

/** Enough for the second thread: more than 40 parts of 256. */
const count = 11_000;
const ids = Array.from({ length: count }, (_, index) => count - index);
const lines = ids.map(
  (id) =>
    `{"kind":"posture","id":${id},"policyId":1,"hostId":2,"controlId":${id % 7},"technologyId":3,"status":"Failed","controlStatement":"control ${id % 7}"}`,
);

const filled = newDatabase();
before(() => load(filled, lines));

function copyOfFilled(): string {
  const path = newDatabase();
  copyFileSync(filled, path);
  return path;
}

test('two threads write every record once and in order, also where rows are missing', async () => {
  const path = copyOfFilled();
  const db = await openHandle(path, false);
  db.exec('DELETE FROM q_pcrs_postureinfo WHERE id BETWEEN 3000 AND 9000 OR id % 5 = 0');
  db.close();
  const got = await read(path);
  const kept = ids.filter((id) => (id < 3000 || id > 9000) && id % 5 !== 0);
  const records = got.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map(({ id, controlStatement }) => [id, controlStatement]),
    kept.map((id) => [id, `control ${id % 7}`]),
  );
  assert.equal(got.counted, kept.length);
});

test('a damaged page fails with a sentence, after the records before it', async () => {
  const path = copyOfFilled();
  await damage(path, 0.3);
  const source = await openSource(path);
  const got: number[] = [];
  const readAll = async () => {
    for await (const { lines: some } of source.blocks())
      for (const line of some.toString().trim().split('\n')) got.push(JSON.parse(line).id);
  };
  await assert.rejects(readAll(), { code: 'PCRS_RECORD', message: /posture\.db is damaged/ });
  source.close();
  assert.ok(got.length > 0 && got.length < count);
  assert.deepEqual(got, ids.slice(0, got.length));
});

test('a reader that stops early leaves no thread behind', async () => {
  const path = copyOfFilled();
  const source = await openSource(path);
  for await (const { count: some } of source.blocks()) {
    assert.ok(some > 0);
    break;
  }
  source.close();
});

/** Overwrites some pages from a part of the file on. */
async function damage(path: string, part: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const at = Math.floor((size * part) / 8192) * 8192;
    await file.write(Buffer.alloc(20 * 8192, 0x5a), 0, 20 * 8192, at);
  } finally {
    await file.close();
  }
}
