import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openHandle } from 'pcrs-database/open-for-writing';
import { openSource } from 'pcrs-from-sqlite';
import { load, newDatabase, read } from './fixture.test.ts';

/** Enough for the second thread: more than 40 parts of 128. */
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

test('reads the file that it opened, whatever has its name by then', async () => {
  const [path, other] = [copyOfFilled(), newDatabase()];
  await load(
    other,
    lines.map((line) => line.replace('"status":"Failed"', '"status":"Passed"')),
  );
  const source = await openSource(path);
  renameSync(other, path);
  assert.deepEqual(await statusesOf(source), new Set(['Failed']));
  source.close();
});

for (const [when, blocksBefore] of [
  ['before the second thread starts', 0],
  ['while both read', 1],
] as const) {
  test(`reads on while a writer waits for its turn, ${when}`, async () => {
    const path = copyOfFilled();
    const source = await openSource(path);
    const blocks = source.blocks()[Symbol.asyncIterator]();
    let records = 0;
    for (let read = 0; read < blocksBefore; read += 1) records += (await blocks.next()).value.count;
    const writer = spawn(process.execPath, ['--input-type=module', '-e', writing, path], { stdio: 'pipe' });
    const ended = once(writer, 'exit');
    await once(writer.stdout, 'data');
    await delay(200);
    assert.equal(writer.exitCode, null);
    for (let next = await blocks.next(); !next.done; next = await blocks.next()) records += next.value.count;
    source.close();
    assert.equal(records, count);
    assert.deepEqual(await ended, [0, null]);
  });
}

const sqlite = createRequire(import.meta.resolve('pcrs-database/open')).resolve('better-sqlite3');

/** Commits once all readers are gone. */
const writing = `
  import Sqlite from ${JSON.stringify(sqlite)};
  const db = new Sqlite(process.argv[1], { timeout: 20_000 });
  db.exec("BEGIN IMMEDIATE; DELETE FROM q_pcrs_postureinfo WHERE id = 7");
  process.stdout.write('waits');
  db.exec('COMMIT');`;

async function statusesOf(source: Awaited<ReturnType<typeof openSource>>): Promise<Set<string>> {
  const statuses = new Set<string>();
  for await (const { lines: some } of source.blocks())
    for (const line of some.toString().trim().split('\n')) statuses.add(JSON.parse(line).status);
  return statuses;
}
