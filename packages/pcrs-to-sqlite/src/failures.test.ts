import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { contents, emptyDirectory, lines, load, newDatabase, policy, query, status } from './fixture.test.ts';
import { toSqlite } from './index.ts';

test('refuses a file that is not a database, and leaves it unchanged', async () => {
  const path = newDatabase();
  writeFileSync(path, 'id,title\n1,CIS\n'.repeat(500));
  await assert.rejects(load(path, [policy]), {
    code: 'PCRS_USAGE',
    message: `${path} is not a database; give a new file name`,
  });
  assert.equal(readFileSync(path, 'utf8'), 'id,title\n1,CIS\n'.repeat(500));
});

test('refuses a database with foreign tables of the same names, and leaves it unchanged', async () => {
  const path = newDatabase();
  const db = new Sqlite(path);
  db.exec('CREATE TABLE Q_PCRS_Policy_List (subscriptionId INTEGER, id INTEGER, title TEXT)');
  db.close();
  const before = readFileSync(path);
  await assert.rejects(load(path, [policy]), {
    code: 'PCRS_USAGE',
    message: /has a q_pcrs_policy_list of another program/,
  });
  assert.deepEqual(readFileSync(path), before);
});

test('names a compressed or UTF-16 stream, for any target', async () => {
  const [text] = lines(policy) as [Uint8Array];
  for (const target of [newDatabase(), { snapshot: emptyDirectory() }]) {
    await assert.rejects(toSqlite(target, [gzipSync(text)]), {
      code: 'PCRS_RECORD',
      message: /gzip-compressed; put gunzip/,
    });
    const wide = Buffer.from(`\ufeff${Buffer.from(text)}`, 'utf16le');
    await assert.rejects(toSqlite(target, [wide]), { code: 'PCRS_RECORD', message: /UTF-16; put iconv/ });
  }
});

test('loads next to foreign tables', async () => {
  const path = newDatabase();
  const db = new Sqlite(path);
  db.exec('CREATE TABLE owners (host INTEGER, owner TEXT); INSERT INTO owners VALUES (1, 2)');
  db.close();
  await load(path, [policy]);
  assert.equal(query(path, 'SELECT * FROM owners').length, 1);
  assert.equal(contents(path).length, 1);
});

test('refuses a directory as a file name, and a name in a missing directory', async () => {
  const directory = emptyDirectory();
  await assert.rejects(load(directory, [policy]), {
    code: 'PCRS_USAGE',
    message: /is a directory; give a file name$/,
  });
  const nowhere = join(directory, 'no', 'posture.db');
  await assert.rejects(load(nowhere, [policy]), {
    code: 'PCRS_USAGE',
    message: /the directory .* does not exist/,
  });
  assert.deepEqual(readdirSync(directory), []);
});

test('reports a directory without write access', {
  skip: getuid?.() === 0 && 'root may write anywhere',
}, async () => {
  const directory = emptyDirectory();
  chmodSync(directory, 0o500);
  await assert.rejects(load(join(directory, 'posture.db'), [policy]), {
    code: 'PCRS_MACHINE',
    message: /is not writable/,
  });
});

test('waits for another writer, and reports one that does not end', async () => {
  const path = newDatabase();
  await load(path, [policy]);
  const other = new Sqlite(path);
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(load(path, [{ ...policy, id: 2 }], { lockWaitMs: 250 }), {
    code: 'PCRS_MACHINE',
    message: /is locked by another program \(waited 0\.25 s\); try again when it has finished$/,
  });
  const later = setTimeout(() => other.exec('COMMIT'), 300);
  try {
    const loaded = await load(path, [{ ...policy, id: 2 }]);
    assert.equal(loaded.rows['q_pcrs_policy_list'], 2);
  } finally {
    clearTimeout(later);
    other.close();
  }
});

test('waits for a reader before it commits', async () => {
  const path = newDatabase();
  await load(path, [policy]);
  const reader = new Sqlite(path);
  const rows = reader
    .prepare('SELECT * FROM q_pcrs_policy_list UNION ALL SELECT * FROM q_pcrs_policy_list')
    .iterate();
  rows.next();
  setTimeout(() => rows.return?.(), 300);
  const loaded = await load(path, [{ ...policy, id: 2 }]);
  reader.close();
  assert.equal(loaded.rows['q_pcrs_policy_list'], 2);
});

test('stops when told to and leaves no journal', async () => {
  const path = newDatabase();
  const stop = new AbortController();
  const reason = Object.assign(new Error('interrupted by SIGINT'), { code: 'PCRS_INTERRUPTED' });
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield* lines(policy, { ...policy, id: 2 });
    stop.abort(reason);
    await new Promise(() => {});
  }
  await assert.rejects(toSqlite(path, slowly(), { signal: stop.signal }), reason);
  assert.equal(contents(path).length, 2);
  assert.equal(status(path, 'LOAD')?.['state'], 'interrupted');
  assert.deepEqual(readdirSync(join(path, '..')), ['posture.db']);
});

test('lets others see what came while the stream is silent', async () => {
  const path = newDatabase();
  let go = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    go = resolve;
  });
  async function* inTwo(): AsyncGenerator<Uint8Array> {
    yield* lines(policy);
    await waiting;
    yield* lines({ ...policy, id: 2 });
  }
  const loading = toSqlite(path, inTwo());
  const rows = () => {
    try {
      return contents(path).length;
    } catch {
      return 0;
    }
  };
  while (rows() < 1) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(status(path, 'LOAD')?.['state'], 'loading');
  go();
  assert.equal((await loading).rows['q_pcrs_policy_list'], 2);
});

test("passes on an error of the stream's source; earlier records stay", async () => {
  const path = newDatabase();
  const broken = Object.assign(new Error('read failed'), { code: 'EIO' });
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* lines(policy);
    throw broken;
  }
  await assert.rejects(toSqlite(path, source()), broken);
  assert.equal(status(path, 'LOAD')?.['state'], 'failed');
});
