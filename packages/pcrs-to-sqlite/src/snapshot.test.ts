import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import {
  emptyDirectory,
  hostIds,
  load,
  policy,
  posture,
  query,
  run,
  session,
  status,
} from './fixture.test.ts';

const stream = run([policy, hostIds, posture]);
const stem = 'pcrs_20261120T010203Z';
const other = (record: object | string) => ({
  ...(record as object),
  runId: '01890000-0000-7000-8000-00000000000f',
});
const ofOtherRun = stream.map((record) => ('runId' in (record as object) ? other(record) : record));

test('puts a complete run into a file named by its start, readable only by its owner, and links latest.db to it', async () => {
  const directory = join(emptyDirectory(), 'made', 'here');
  const loaded = await load({ snapshot: directory }, stream);
  assert.equal(loaded.database, join(directory, `${stem}.db`));
  assert.deepEqual(readdirSync(directory).sort(), ['latest.db', `${stem}.db`]);
  assert.equal(readlinkSync(join(directory, 'latest.db')), `${stem}.db`);
  assert.equal(statSync(join(directory, `${stem}.db`)).mode & 0o777, 0o600);
  assert.equal(query(join(directory, 'latest.db'), 'PRAGMA journal_mode')[0]?.['journal_mode'], 'delete');
  assert.equal(query(join(directory, 'latest.db'), 'SELECT * FROM q_pcrs_postureinfo').length, 1);
});

test('puts a name into the names, and replaces the link in one step', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory, name: 'disa' }, stream);
  const later = stream.with(0, session({ startedAt: '2026-11-21T01:02:03Z' }));
  await load({ snapshot: directory, name: 'disa' }, later);
  assert.deepEqual(readdirSync(directory).sort(), [
    'latest_disa.db',
    'pcrs_disa_20261120T010203Z.db',
    'pcrs_disa_20261121T010203Z.db',
  ]);
  assert.equal(readlinkSync(join(directory, 'latest_disa.db')), 'pcrs_disa_20261121T010203Z.db');
});

test('leaves an incomplete run next to its place, under a name that says so, and the link unchanged', async () => {
  const directory = emptyDirectory();
  await assert.rejects(
    load({ snapshot: directory }, stream.slice(0, -1)),
    (error: Error & { loaded?: { database: string } }) => {
      assert.equal(error.loaded?.database, join(directory, `${stem}.incomplete.db`));
      return /broke off/.test(error.message);
    },
  );
  assert.deepEqual(readdirSync(directory), [`${stem}.incomplete.db`]);
  await load({ snapshot: directory }, stream);
  assert.deepEqual(readdirSync(directory).sort(), ['latest.db', `${stem}.db`], 'the same run, now complete');
});

test("replaces the file of the same run, and refuses another run's", async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, stream);
  await load({ snapshot: directory }, stream);
  const before = readFileSync(join(directory, `${stem}.db`));
  await assert.rejects(load({ snapshot: directory }, ofOtherRun), {
    code: 'PCRS_MACHINE',
    message: /exists and is not of this run/,
  });
  assert.deepEqual(readFileSync(join(directory, `${stem}.db`)), before);
  const taken = emptyDirectory();
  writeFileSync(join(taken, `${stem}.db`), 'mine');
  await assert.rejects(load({ snapshot: taken }, stream), { code: 'PCRS_MACHINE' });
  assert.equal(readFileSync(join(taken, `${stem}.db`), 'utf8'), 'mine');
});

test('does not replace a snapshot that another process is writing', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, stream.slice(0, -1)).catch(() => {});
  const writer = new Sqlite(join(directory, `${stem}.incomplete.db`));
  writer.exec('BEGIN IMMEDIATE');
  try {
    await assert.rejects(load({ snapshot: directory }, stream), {
      code: 'PCRS_MACHINE',
      message: /being written by another process/,
    });
  } finally {
    writer.close();
  }
});

test('does not replace a file with its link', async () => {
  const directory = emptyDirectory();
  writeFileSync(join(directory, 'latest.db'), 'mine');
  await assert.rejects(load({ snapshot: directory }, stream), {
    code: 'PCRS_MACHINE',
    message: /latest\.db is not a link made by pcrs-to-sqlite/,
  });
  assert.equal(readFileSync(join(directory, 'latest.db'), 'utf8'), 'mine');
});

test('requires a run: makes no file without one, or if the run failed before it began', async () => {
  const directory = join(emptyDirectory(), 'snapshots');
  const failed = {
    kind: 'end',
    runId: null,
    stage: 'pcrs-auth',
    ok: false,
    status: 4,
    error: { message: 'wrong password' },
  };
  const cases: [(object | string)[], string, RegExp][] = [
    [[policy], 'PCRS_INCOMPLETE', /^stdin:1: a snapshot needs a run/],
    [[failed], 'PCRS_INCOMPLETE', /^run incomplete: pcrs-auth ended 4: wrong password$/],
    [[], 'PCRS_INCOMPLETE', /empty, without even a run/],
  ];
  for (const [records, code, message] of cases) {
    await assert.rejects(load({ snapshot: directory }, records), { code, message });
    assert.throws(() => readdirSync(directory));
  }
});

test('records in the unfinished file how far it came', async () => {
  const directory = emptyDirectory();
  await assert.rejects(load({ snapshot: directory }, [...stream.slice(0, 5), '{"kind":'].slice(0, 6)));
  const path = join(directory, `${stem}.incomplete.db`);
  assert.equal(status(path, 'LOAD')?.['state'], 'failed');
  assert.equal(query(path, 'SELECT * FROM q_pcrs_policy_list').length, 1);
});

test('replaces what a load left that was killed before it read the session', async () => {
  const directory = emptyDirectory();
  await assert.rejects(load({ snapshot: directory }, stream.slice(0, -1)));
  const db = new Sqlite(join(directory, `${stem}.incomplete.db`));
  db.exec("DELETE FROM q_pcrs_status WHERE STATUS_NAME LIKE 'RUN %'");
  db.close();
  await load({ snapshot: directory }, stream);
  assert.deepEqual(readdirSync(directory).sort(), ['latest.db', `${stem}.db`]);
});

test('starts from an earlier complete snapshot, and leaves that one unchanged', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, stream);
  const from = join(directory, `${stem}.db`);
  const before = readFileSync(from);
  const later = [session({ startedAt: '2026-11-21T01:02:03Z' }), ...run([{ ...posture, id: 7 }]).slice(1)];
  const loaded = await load({ snapshot: directory, from }, later);
  assert.deepEqual([loaded.rows['q_pcrs_postureinfo'], loaded.rows['q_pcrs_policy_list']], [2, 1]);
  assert.deepEqual(readFileSync(from), before);
});

test('starts only from the snapshot of a complete run', async () => {
  const directory = emptyDirectory();
  await assert.rejects(load({ snapshot: directory }, stream.slice(0, -1)));
  const from = join(directory, `${stem}.incomplete.db`);
  await assert.rejects(load({ snapshot: emptyDirectory(), from }, stream), {
    code: 'PCRS_USAGE',
    message: /not the snapshot of a complete run/,
  });
});
