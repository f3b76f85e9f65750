import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyDirectory, hostIds, load, policy, posture, runOn, status } from './fixture.test.ts';
import type { Loaded } from './index.ts';
import type { SnapshotTarget } from './place.ts';

const whole = [policy, hostIds, posture];
const many = [
  ...[1, 2, 3, 4].map((id) => ({ ...policy, id, title: `Policy ${id}` })),
  { ...hostIds, hostIds: Array.from({ length: 10 }, (_, index) => String(index + 1)) },
  ...Array.from({ length: 10 }, (_, index) => ({ ...posture, id: index + 1, hostId: index + 1 })),
];

/** A series of snapshots; returns what a run did to `latest.db`, and the warnings. */
function series() {
  const directory = emptyDirectory();
  const into = async (stream: object[], rules: Partial<SnapshotTarget> = {}) => {
    const warnings: string[] = [];
    const log = { warn: (line: string) => warnings.push(line), note() {} };
    const loaded: Loaded = await load({ snapshot: directory, ...rules }, stream, { log });
    return { loaded, warnings: warnings.join('\n'), latest: readlinkSync(join(directory, 'latest.db')) };
  };
  return { directory, into };
}

test('a run of another scope leaves latest.db alone, unless rescoped', async () => {
  const { directory, into } = series();
  const first = await into(runOn(1, whole));
  assert.deepEqual([first.warnings, first.latest], ['', 'pcrs_20261101T030000Z.db']);
  assert.deepEqual(status(join(directory, 'latest.db'), 'SCOPE'), {
    gateway: 'https://gateway.example',
    flags: {},
    beganFiltered: false,
  });
  const narrow = await into(runOn(2, whole, { title: 'PCI' }));
  assert.equal(narrow.latest, 'pcrs_20261101T030000Z.db');
  assert.match(
    narrow.warnings,
    /latest\.db was left unchanged: it holds all policies, this run has --title PCI/,
  );
  assert.deepEqual([narrow.loaded.complete, existsSync(String(narrow.loaded.database))], [true, true]);
  const dated = await into(runOn(3, [], { 'evaluated-since': '1d' }));
  assert.equal(dated.latest, 'pcrs_20261101T030000Z.db');
  assert.deepEqual([dated.loaded.base, dated.loaded.fullRunAt], ['dated', null]);
  const rescoped = await into(runOn(4, whole, { title: 'PCI' }), { rescope: true });
  assert.equal(rescoped.latest, 'pcrs_20261104T030000Z.db');
  const next = await into(runOn(5, whole, { title: 'PCI' }));
  assert.deepEqual([next.latest, next.warnings], ['pcrs_20261105T030000Z.db', '']);
});

test('latest.db never goes back to a run that started earlier, unless asked to', async () => {
  const { into } = series();
  await into(runOn(5, whole));
  const older = await into(runOn(4, whole));
  assert.equal(older.latest, 'pcrs_20261105T030000Z.db');
  assert.match(older.warnings, /its run started 2026-11-05T03:00:00Z, later than this one \(2026-11-04/);
  assert.equal((await into(runOn(3, whole), { allowOlder: true })).latest, 'pcrs_20261103T030000Z.db');
});

test('a series that began whole accepts no filtered run; one that began filtered accepts both', async () => {
  const filtered = (day: number) => runOn(day, whole).filter(({ kind }) => kind !== 'posture');
  const began = series();
  await began.into(runOn(1, whole));
  const refused = await began.into(filtered(2));
  assert.equal(refused.latest, 'pcrs_20261101T030000Z.db');
  assert.match(refused.warnings, /records of this one were filtered/);
  const other = series();
  await other.into(filtered(1));
  assert.equal(status(join(other.directory, 'latest.db'), 'SCOPE')?.['beganFiltered'], true);
  assert.equal((await other.into(runOn(2, whole))).latest, 'pcrs_20261102T030000Z.db');
  assert.equal((await other.into(filtered(3))).latest, 'pcrs_20261103T030000Z.db');
});

test('a run whose hosts came from outside does not follow runs that listed them', async () => {
  const { into } = series();
  await into(runOn(1, whole));
  const byHand = runOn(2, [hostIds, posture]).filter(
    ({ stage }) => stage !== 'pcrs-policies' && stage !== 'pcrs-hostids',
  );
  const { latest, warnings } = await into(byHand);
  assert.equal(latest, 'pcrs_20261101T030000Z.db');
  assert.match(warnings, /records of this one were filtered or added/);
});

test('a delta names the full run it builds on, and never becomes latest.db without one', async () => {
  const { directory, into } = series();
  await into(runOn(1, whole));
  const delta = runOn(2, [{ ...posture, id: 8 }]).map((record) =>
    record['stage'] === 'pcrs-posture' && record['kind'] === 'start'
      ? { ...record, options: { 'evaluated-since': { value: '2026-11-01T02:00:00Z', from: 'incremental' } } }
      : record,
  );
  const alone = await into(delta);
  assert.equal(alone.latest, 'pcrs_20261101T030000Z.db');
  assert.match(alone.warnings, /not based on a full run/);
  const from = join(directory, 'pcrs_20261101T030000Z.db');
  const { latest, loaded, warnings } = await into(delta, { from });
  assert.deepEqual(
    [latest, warnings, loaded.base, loaded.fullRunAt, loaded.stale, loaded.rows['q_pcrs_postureinfo']],
    ['pcrs_20261102T030000Z.db', '', 'delta', '2026-11-01T03:00:00Z', null, 2],
  );
  const note = status(join(directory, latest), 'LOAD');
  assert.deepEqual([note?.['base'], note?.['fullRunAt']], ['delta', '2026-11-01T03:00:00Z']);
});

test('reports a run that shrank by more than a tenth, with numbers, policies and the other user', async () => {
  const { into } = series();
  await into(runOn(1, many));
  const small = runOn(2, [many[0] as object, hostIds, ...many.slice(5, 8)], {}, { username: 'other' });
  const { latest, warnings } = await into(small);
  assert.equal(latest, 'pcrs_20261102T030000Z.db');
  assert.match(warnings, /postures 10 → 3 \(-70 %\), hosts 10 → 2 \(-80 %\), policies 4 → 1 \(-75 %\)/);
  assert.match(warnings, /policies that left: 2 "Policy 2", 3 "Policy 3", 4 "Policy 4"/);
  assert.match(warnings, /the user changed from acme_ab1 to other/);
});

test('keeps a run that shrank more than allowed apart, and compares nothing with it', async () => {
  const { directory, into } = series();
  await into(runOn(1, many));
  const small = (day: number) => runOn(day, [policy, hostIds, posture]);
  await assert.rejects(into(small(2), { maxShrink: 50 }), (error: Error & { loaded?: Loaded }) => {
    assert.equal(error.loaded?.database, join(directory, 'pcrs_20261102T030000Z.shrunk.db'));
    assert.equal((error as { code?: string }).code, 'PCRS_GATE');
    return /--max-shrink 50 .*--accept-shrink/.test(error.message);
  });
  assert.deepEqual(readdirSync(directory).sort(), [
    'latest.db',
    'pcrs_20261101T030000Z.db',
    'pcrs_20261102T030000Z.shrunk.db',
  ]);
  await assert.rejects(into(small(3), { maxShrink: 50 }), { code: 'PCRS_GATE' });
  const accepted = await into(small(3), { maxShrink: 50, acceptShrink: true });
  assert.equal(accepted.latest, 'pcrs_20261103T030000Z.db');
  assert.equal(existsSync(join(directory, 'pcrs_20261103T030000Z.shrunk.db')), false);
  assert.equal((await into(runOn(4, many), { maxShrink: 50 })).warnings, '');
});

test('does not replace a snapshot of the same run and another scope', async () => {
  const { into } = series();
  await into(runOn(1, whole));
  assert.equal((await into(runOn(1, whole))).latest, 'pcrs_20261101T030000Z.db');
  await assert.rejects(into(runOn(1, whole, { title: 'PCI' })), {
    code: 'PCRS_MACHINE',
    message: /is of the same run but holds all policies, not --title PCI/,
  });
});

test('nothing follows an unreadable latest.db, unless rescoped', async () => {
  const { directory, into } = series();
  await into(runOn(1, whole));
  writeFileSync(join(directory, 'latest.db'), Buffer.alloc(4096), { flag: 'r+' });
  const next = await into(runOn(2, whole, { title: 'PCI' }));
  assert.equal(next.latest, 'pcrs_20261101T030000Z.db');
  assert.match(next.warnings, /latest\.db was left unchanged: it cannot be read, .*--rescope/);
  const rescoped = await into(runOn(3, whole, { title: 'PCI' }), { rescope: true });
  assert.deepEqual([rescoped.latest, rescoped.warnings], ['pcrs_20261103T030000Z.db', '']);
});

test("leaves a user's own database called latest.db alone", async () => {
  const directory = emptyDirectory();
  const path = join(directory, 'latest.db');
  await load(path, runOn(1, whole));
  const before = readFileSync(path);
  await assert.rejects(load({ snapshot: directory }, runOn(2, whole)), {
    code: 'PCRS_MACHINE',
    message: /latest\.db is not a link made by pcrs-to-sqlite; move it away/,
  });
  assert.deepEqual(readFileSync(path), before);
});

test('refuses supplied records in a whole series, since they can hide lost ones', async () => {
  const { into } = series();
  await into(runOn(1, whole));
  const [session, ...rest] = runOn(2, whole);
  const next = await into([session as object, policy, ...rest]);
  assert.deepEqual(next.loaded.supplied, { policy: 1 });
  assert.equal(next.latest, 'pcrs_20261101T030000Z.db');
  assert.match(next.warnings, /filtered or added/);
});
