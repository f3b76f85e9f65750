import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { openForReading } from './open.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A database with one row, in its own directory. */
function made(mode: 'delete' | 'wal' = 'delete'): { directory: string; path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-database-'));
  directories.push(directory);
  const path = join(directory, 'x.db');
  const db = new Sqlite(path);
  db.pragma(`journal_mode = ${mode}`);
  db.exec('CREATE TABLE t (n); INSERT INTO t VALUES (1)');
  db.close();
  return { directory, path };
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function numbers(path: string): Promise<unknown[]> {
  const { db, close } = await openForReading(path);
  try {
    return db.prepare('SELECT n FROM t').pluck().all();
  } finally {
    close();
  }
}

for (const mode of ['delete', 'wal'] as const) {
  test(`leaves a database in ${mode} mode, and its directory, as they were`, async () => {
    const { directory, path } = made(mode);
    const before = [digest(path), readdirSync(directory)];
    assert.deepEqual(await numbers(path), [1]);
    assert.deepEqual([digest(path), readdirSync(directory)], before);
  });
}

test('reads what another program has written to its log and not yet checkpointed', async () => {
  const { directory, path } = made('wal');
  const writer = new Sqlite(path);
  writer.exec('INSERT INTO t VALUES (2)');
  const before = readdirSync(directory);
  assert.deepEqual(await numbers(path), [1, 2]);
  assert.deepEqual(readdirSync(directory), before);
  writer.close();
});

test('allows no writes, in either of two databases', async () => {
  for (const mode of ['delete', 'wal'] as const) {
    const [one, other] = [made(), made(mode)];
    const { db, close } = await openForReading(one.path, { beside: { path: other.path, name: 'other' } });
    assert.equal(db.prepare('SELECT count(*) FROM other.t').pluck().get(), 1);
    for (const table of ['main.t', 'other.t'])
      assert.throws(() => db.exec(`INSERT INTO ${table} VALUES (3)`), { code: 'SQLITE_READONLY' });
    close();
    assert.deepEqual(readdirSync(other.directory), ['x.db']);
  }
});

test('opens files of any name', async () => {
  const { directory, path } = made();
  for (const name of ['a b.db', "it's 100%.db", 'ü?mode=memory#x.db', 'file:y.db']) {
    copyFileSync(path, join(directory, name));
    assert.deepEqual(await numbers(join(directory, name)), [1], name);
  }
});

test('stays with the file that a link pointed to', async () => {
  const { directory, path } = made();
  const other = join(directory, 'other.db');
  copyFileSync(path, other);
  const link = join(directory, 'latest.db');
  symlinkSync('x.db', link);
  const { changed, close } = await openForReading(link);
  rmSync(link);
  symlinkSync('other.db', link);
  assert.equal(changed(), undefined);
  rmSync(path);
  assert.equal(changed(), undefined, 'a removed file stays open as it was');
  close();
});

test('notices that a file was written to', async () => {
  for (const mode of ['delete', 'wal'] as const) {
    const [still, written] = [made(), made(mode)];
    const { changed, close } = await openForReading(still.path, {
      beside: { path: written.path, name: 'other' },
    });
    assert.equal(changed(), undefined);
    const writer = new Sqlite(written.path);
    writer.exec('INSERT INTO t VALUES (2)');
    assert.equal(changed(), written.path, mode);
    writer.close();
    close();
  }
});

test('waits for a writer, and says so if that takes too long', async () => {
  const { path } = made();
  const writer = new Sqlite(path);
  writer.exec('BEGIN EXCLUSIVE');
  await assert.rejects(openForReading(path, { lockWaitMs: 0 }), {
    code: 'PCRS_MACHINE',
    message: `${path} is locked by another program; try again when it has finished`,
  });
  const opening = openForReading(path);
  setTimeout(() => writer.exec('COMMIT'), 150);
  const { read, db, close } = await opening;
  writer.exec('BEGIN EXCLUSIVE; INSERT INTO t VALUES (2)');
  setTimeout(() => writer.exec('COMMIT'), 150);
  assert.deepEqual(await read(() => db.prepare('SELECT n FROM t').pluck().all()), [1, 2]);
  close();
  writer.close();
});

test('stops waiting when told to', async () => {
  const { path } = made();
  const writer = new Sqlite(path);
  writer.exec('BEGIN EXCLUSIVE');
  const reason = new Error('enough');
  await assert.rejects(openForReading(path, { signal: AbortSignal.abort(reason) }), reason);
  writer.close();
});

test('names a file whose writer died in mid-write', async () => {
  const { path } = made();
  // The journal is synced and the file half written: the state after a kill in mid-commit.
  const script = `
    import Sqlite from 'better-sqlite3';
    const db = new Sqlite(process.argv[1]);
    db.pragma('cache_size = 2');
    db.exec("BEGIN; CREATE TABLE big (x)");
    const insert = db.prepare('INSERT INTO big VALUES (randomblob(3000))');
    for (let n = 0; n < 200; n += 1) insert.run();
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    cwd: import.meta.dirname,
  });
  await new Promise((resolve) => child.on('close', resolve));
  const before = digest(path);
  await assert.rejects(openForReading(path), {
    code: 'PCRS_MACHINE',
    message: /unfinished write of a process that died/,
  });
  assert.equal(digest(path), before);
});

test('says in one line what is wrong with a file', async () => {
  const { directory, path } = made();
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const good = readFileSync(path);
  const cases = [
    [join(directory, 'none.db'), 'PCRS_USAGE', /none\.db does not exist$/],
    [directory, 'PCRS_USAGE', / is a directory; give a database file$/],
    [file('text.db', 'hello'), 'PCRS_RECORD', /text\.db is not a database; pcrs-to-sqlite makes one$/],
    [file('empty.db', ''), 'PCRS_RECORD', /empty\.db is empty; /],
    [
      file('broken.db', Buffer.concat([good.subarray(0, 100), Buffer.alloc(4096, 7)])),
      'PCRS_RECORD',
      /broken\.db is damaged/,
    ],
  ] as const;
  for (const [bad, code, message] of cases) {
    await assert.rejects(openForReading(bad), { code, message });
    await assert.rejects(openForReading(path, { beside: { path: bad, name: 'other' } }), { code, message });
  }
});
