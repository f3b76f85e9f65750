import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toSqlite } from 'pcrs-to-sqlite';
import {
  bytes,
  emptyDirectory,
  failedPosture,
  load,
  newDatabase,
  records,
  run,
  startedAt,
} from './fixture.test.ts';
import { type StatusOptions, snapshotStatus, statusTable } from './index.ts';

const now = new Date('2026-11-20T04:22:03.456Z');

async function statusOf(stream: readonly object[], options: StatusOptions = {}) {
  const path = newDatabase();
  await load(path, stream);
  return snapshotStatus(path, { now, ...options });
}

const codes = ({ reasons }: { reasons: { code: string }[] }) => reasons.map(({ code }) => code);

test('has no reasons against a complete run, and reports everything it recorded', async () => {
  const path = newDatabase();
  await load(path, run());
  const status = await snapshotStatus(path, { now });
  const { loadedAt, stages, ...told } = status;
  assert.match(loadedAt!, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.deepEqual(
    stages.map(({ stage, ok, requests }) => [stage, ok, requests]),
    [
      ['pcrs-policies', true, 3],
      ['pcrs-hostids', true, 3],
      ['pcrs-posture', true, 3],
    ],
  );
  const counts = { policy: 1, hostids: 1, posture: 1 };
  const rows = {
    ...{ q_pcrs_policy_list: 1, q_pcrs_hostids: 2, q_pcrs_postureinfo: 1, q_pcrs_postureinfo_controls: 1 },
  };
  assert.deepEqual(told, {
    kind: 'status',
    path,
    present: true,
    database: path,
    complete: true,
    base: 'full',
    fullRunAt: startedAt,
    scope: {},
    verified: null,
    lastAttempt: null,
    measures: {
      ...{ policies: 1, hosts: 2, passRate: 0, failedBy: { UNKNOWN: 1 } },
      postures: { passed: 0, excepted: 0, failed: 1, error: 0, other: 0 },
    },
    ok: true,
    reasons: [],
    gateway: 'https://gateway.example',
    subscriptionId: '263191',
    username: 'acme_ab1',
    runId: '01890000-0000-7000-8000-000000000001',
    startedAt,
    ageSeconds: 12_000,
    reconciliation: {
      policiesListed: 1,
      policiesResolved: 1,
      policyErrors: 0,
      hostsResolved: 2,
      hostsWithPosture: 1,
      recordsReceived: counts,
      recordsAccepted: counts,
      recordsFiltered: {},
      recordsSupplied: {},
      kindsEdited: [],
      verified: null,
      rowsStored: rows,
      rowsUnchanged: Object.fromEntries(Object.keys(rows).map((name) => [name, 0])),
    },
    rows,
    stale: 0,
    hostsWithoutPosture: 1,
    slices: null,
    missing: [],
    problems: {},
    newerIncomplete: [],
  });
});

test('names the failed stage, and what is missing', async () => {
  const status = await statusOf(run({ ends: { 'pcrs-posture': failedPosture } }));
  assert.deepEqual([status.complete, status.ok], [false, false]);
  assert.deepEqual(status.reasons, [
    { code: 'stage_failed', message: 'run incomplete: pcrs-posture ended 5: 503, 7 tries' },
  ]);
  const { missing, ...slices } = failedPosture.slices;
  assert.deepEqual([status.slices, status.missing], [slices, missing]);
});

test('shows each of several stages with one name, and everything they could not get', async () => {
  const whole = run();
  const ended = { ...whole.at(-1), slices: { ...failedPosture.slices, failed: 0, missing: [] } };
  const beside = { ...run({ ends: { 'pcrs-posture': failedPosture } }).at(-1), startId: 'b' };
  const start = { ...whole.find((record) => 'stage' in record), startId: 'b' };
  const status = await statusOf([...whole.slice(0, -1), ended, start, beside]);
  assert.deepEqual(
    status.stages.map(({ stage, ok }) => [stage, ok]),
    [
      ['pcrs-posture', false],
      ['pcrs-policies', true],
      ['pcrs-hostids', true],
      ['pcrs-posture', true],
    ],
  );
  assert.deepEqual([status.slices?.planned, status.missing], [8, failedPosture.slices.missing]);
});

test('names the stage that broke off', async () => {
  const status = await statusOf(run({ ends: { 'pcrs-posture': null } }));
  assert.deepEqual(status.reasons, [
    { code: 'broke_off', message: 'run incomplete: pcrs-posture broke off after 1 record' },
  ]);
  assert.deepEqual(
    status.stages.map(({ ok }) => ok),
    [true, true, null],
  );
});

test('says that a load without a run proves nothing', async () => {
  const status = await statusOf(records);
  assert.deepEqual([status.complete, status.startedAt, codes(status)], [null, null, ['no_run']]);
  assert.equal(status.rows!['q_pcrs_postureinfo'], 1);
});

test('counts records filtered in the pipe, as a note, and with strict as a reason', async () => {
  const stream = run({ came: records.slice(0, 2) });
  const status = await statusOf(stream);
  assert.deepEqual(status.reconciliation!.recordsFiltered, { posture: 1 });
  assert.deepEqual([status.ok, status.hostsWithoutPosture], [true, 2]);
  const strict = await statusOf(stream, { strict: true });
  assert.deepEqual([strict.complete, strict.ok], [true, false]);
  assert.deepEqual(strict.reasons, [{ code: 'filtered', message: 'filtered: 1 posture (--strict)' }]);
});

test('measures the age from the start of the run', async () => {
  const hour = 3_600_000;
  for (const [maxAgeMs, expected] of [
    [3 * hour, ['too_old']],
    [4 * hour, []],
  ] as const) {
    assert.deepEqual(codes(await statusOf(run(), { maxAgeMs })), expected);
  }
  const old = await statusOf(run(), { maxAgeMs: 3 * hour });
  assert.deepEqual([old.complete, old.reasons[0]!.message], [true, 'it is 3 h 20 min old, --max-age is 3 h']);
  const failed = await statusOf(run({ ends: { 'pcrs-posture': null } }), { maxAgeMs: hour });
  assert.deepEqual(codes(failed), ['broke_off', 'too_old']);
});

test('distinguishes a load in progress, one that ended, and one that was interrupted or failed', async () => {
  const path = newDatabase();
  const stop = new AbortController();
  let during: ReturnType<typeof snapshotStatus> | undefined;
  async function* stream() {
    yield* bytes(run().slice(0, -1));
    during = snapshotStatus(path, { now });
    await during;
    stop.abort(Object.assign(new Error('interrupted by SIGTERM'), { code: 'PCRS_INTERRUPTED' }));
    yield* bytes(run().slice(-1));
  }
  await assert.rejects(toSqlite(path, stream(), { signal: stop.signal }), { code: 'PCRS_INTERRUPTED' });
  const loading = await during!;
  assert.ok(['loading', 'being_written'].includes(loading.reasons[0]!.code), loading.reasons[0]!.code);
  assert.equal(loading.complete, false);
  const interrupted = await snapshotStatus(path, { now });
  assert.deepEqual(codes(interrupted), ['interrupted']);
  assert.match(interrupted.reasons[0]!.message, /was interrupted after \d+ lines: interrupted by SIGTERM$/);
  await load(path, [...run().slice(0, -1), { kind: 'posture', id: 1 }]);
  const failed = await snapshotStatus(path, { now });
  assert.deepEqual([failed.complete, codes(failed)], [false, ['failed']]);
  assert.match(failed.reasons[0]!.message, /failed after \d+ lines: stdin:10: policyId is missing/);
});

test('judges the last load, not an earlier complete one', async () => {
  const path = newDatabase();
  await load(path, run());
  await load(path, records);
  assert.deepEqual(codes(await snapshotStatus(path, { now })), ['no_run']);
  await load(path, run({ startedAt: '2026-11-20T02:02:03.456Z' }));
  const status = await snapshotStatus(path, { now });
  assert.deepEqual([status.ok, status.startedAt], [true, '2026-11-20T02:02:03.456Z']);
});

test('names the flags that narrowed the run', async () => {
  const status = await statusOf(run({ options: { title: 'DISA', retries: 3 } }));
  assert.deepEqual(
    status.stages.flatMap(({ narrowedBy }) => narrowedBy),
    ['pcrs-policies --title DISA'],
  );
  assert.equal(status.ok, true);
});

test("takes a directory's latest snapshot, and names those that began later", async () => {
  const directory = emptyDirectory();
  const early = '2026-11-19T01:02:03.456Z';
  const late = '2026-11-21T01:02:03.456Z';
  await load({ snapshot: directory }, run({ startedAt: early, ends: { 'pcrs-posture': null } }));
  await load({ snapshot: directory }, run());
  const quiet = await snapshotStatus(directory, { now });
  assert.deepEqual([quiet.ok, quiet.database], [true, join(directory, 'latest.db')]);
  assert.deepEqual(quiet.newerIncomplete, []);
  await load({ snapshot: directory }, run({ startedAt: late, ends: { 'pcrs-posture': failedPosture } }));
  const status = await snapshotStatus(directory, { now });
  assert.equal(status.ok, true);
  assert.deepEqual(status.newerIncomplete, [
    {
      database: join(directory, 'pcrs_20261121T010203Z.incomplete.db'),
      reason: 'run incomplete: pcrs-posture ended 5: 503, 7 tries',
    },
  ]);
});

test('keeps snapshots of several names apart', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory, name: 'emea' }, run());
  await load({ snapshot: directory, name: 'emea_two' }, run({ startedAt: '2026-11-21T01:02:03.456Z' }));
  const status = await snapshotStatus(directory, { now, name: 'emea' });
  assert.deepEqual([status.startedAt, status.newerIncomplete], [startedAt, []]);
  const { present, reasons } = await snapshotStatus(directory, { now });
  assert.deepEqual(
    [present, reasons],
    [
      false,
      [
        {
          code: 'no_snapshot',
          message: `${directory}: no snapshot; there are snapshots with other names: --name emea, --name emea_two`,
        },
      ],
    ],
  );
  assert.equal((await snapshotStatus(directory, { now, name: 'apac' })).present, false);
  await assert.rejects(snapshotStatus(join(directory, 'latest_emea.db'), { name: 'emea' }), {
    code: 'PCRS_USAGE',
  });
});

test('goes by file names if the link is missing or broken', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  rmSync(join(directory, 'latest.db'));
  const expected = join(directory, 'pcrs_20261120T010203Z.db');
  assert.equal((await snapshotStatus(directory, { now })).database, expected);
  symlinkSync('gone.db', join(directory, 'latest.db'));
  assert.equal((await snapshotStatus(directory, { now })).database, expected);
});

test('takes the newest incomplete snapshot if none is complete', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run({ ends: { 'pcrs-posture': null } }));
  const status = await snapshotStatus(directory, { now });
  assert.equal(status.database, join(directory, 'pcrs_20261120T010203Z.incomplete.db'));
  assert.deepEqual(codes(status), ['broke_off']);
});

test('finds nothing in an empty folder', async () => {
  const directory = emptyDirectory();
  const { reasons, ok, complete } = await snapshotStatus(directory);
  const message = `${directory}: no snapshot; pcrs-etl --out ${directory} makes one`;
  assert.deepEqual([ok, complete, reasons], [false, false, [{ code: 'no_snapshot', message }]]);
  assert.deepEqual(codes(await snapshotStatus(join(directory, 'none.db'))), ['no_snapshot']);
});

test('refuses a file that is not a database of the suite', async () => {
  const path = join(emptyDirectory(), 'x.db');
  writeFileSync(path, 'hello');
  await assert.rejects(snapshotStatus(path), { code: 'PCRS_RECORD', message: /is not a database/ });
  writeFileSync(path, '');
  await assert.rejects(snapshotStatus(path), { code: 'PCRS_RECORD', message: /is empty/ });
});

test('says so if another process is writing the snapshot', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  let during: ReturnType<typeof snapshotStatus> | undefined;
  const later = run({ startedAt: '2026-11-21T01:02:03.456Z' });
  async function* stream() {
    yield* bytes(later.slice(0, 6));
    during = snapshotStatus(directory, { now });
    await during;
    yield* bytes(later.slice(6));
  }
  await toSqlite({ snapshot: directory }, stream());
  const status = await during!;
  assert.equal(status.ok, true);
  assert.deepEqual(
    status.newerIncomplete.map(({ reason }) => reason),
    ['it is being written by another program'],
  );
});

test('changes nothing', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  const digest = () =>
    createHash('sha256')
      .update(readFileSync(join(directory, 'latest.db')))
      .digest('hex');
  const before = [digest(), readdirSync(directory)];
  await snapshotStatus(directory, { now });
  assert.deepEqual([digest(), readdirSync(directory)], before);
});

test('counts rows left by an earlier run, and the problems of the load', async () => {
  const path = newDatabase();
  await load(path, run());
  const [policy, , posture] = records as [object, object, object];
  const hosts = { kind: 'hostids', policyId: '85361', subscriptionId: '263191', hostIds: ['1'] };
  const other = { ...posture, status: 'Passed' };
  await load(path, run({ startedAt: '2026-11-20T02:02:03.456Z', came: [policy, hosts, posture, other] }));
  const status = await snapshotStatus(path, { now });
  assert.deepEqual([status.ok, status.stale, status.problems], [true, 1, { differingDuplicates: 1 }]);
  const expected = 'rows that the run did not contain  1\ndifferingDuplicates                1\n';
  assert.ok(statusTable(status).includes(expected));
});

test('prints a table that says the same', async () => {
  const status = await statusOf(run({ options: { title: 'DISA' }, ends: { 'pcrs-posture': failedPosture } }));
  status.newerIncomplete.push({
    database: 'x.incomplete.db',
    reason: 'it is being written by another program',
  });
  const table = statusTable({
    ...status,
    path: 'posture.db',
    database: 'posture.db',
    loadedAt: '2026-11-20 01:02:09',
  });
  assert.equal(
    table,
    `posture.db: INCOMPLETE, 3 h 20 min old
  run incomplete: pcrs-posture ended 5: 503, 7 tries

gateway  https://gateway.example, subscription 263191
user     acme_ab1
run      01890000-0000-7000-8000-000000000001
scope    --title DISA
base     full
started  2026-11-20 01:02:03 UTC
loaded   2026-11-20 01:02:09 UTC

policies             1
hosts                2
passed               0
passed by exception  0
failed               1
errors               0
pass rate 0 %; failed: UNKNOWN 1

stage          ended       requests  retries  warnings
pcrs-policies  ok                 3        1         0
pcrs-hostids   ok                 3        1         0
pcrs-posture   failed (5)         3        1         0
asked for less than all: pcrs-policies --title DISA

          made  received  accepted  filtered  stored  as before  rows now
policy       1         1         1         0       1          0         1
hostids      1         1         1         0       2          0         2
posture      1         1         1         0       1          0         1
controls                                           1          0         1

policies listed        1
policies resolved      1
hosts resolved         2
hosts with posture     1
hosts without posture  1

missing of 4 slices: 1 failed, 1 not asked for
  policy 85361, 20 hosts from 118772: 503, 7 tries

newer run: x.incomplete.db: it is being written by another program

NOT OK: posture.db: stage_failed
`,
  );
});

test('names what narrowed the snapshot, and the full run that a delta builds on', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run({ options: { title: 'PCI' } }));
  const status = await snapshotStatus(directory, { now });
  assert.deepEqual([status.scope, status.base], [{ 'pcrs-policies --title': 'PCI' }, 'full']);
  assert.match(statusTable(status), /^scope {4}--title PCI$/m);
  const later = run({ startedAt: '2026-11-20T03:02:03.456Z', options: { title: 'PCI' } }).map((record) =>
    'options' in record && 'stage' in record && record.stage === 'pcrs-posture'
      ? { ...record, options: { 'evaluated-since': { value: '2026-11-20T00:02:03Z', from: 'incremental' } } }
      : record,
  );
  await load({ snapshot: directory, from: join(directory, 'pcrs_20261120T010203Z.db') }, later);
  const delta = await snapshotStatus(directory, { now, maxFullAgeMs: 3_600_000 });
  assert.deepEqual([delta.base, delta.fullRunAt, codes(delta)], ['delta', startedAt, ['full_too_old']]);
  assert.match(
    statusTable(delta),
    /^base {5}delta on the full run of 2026-11-20 01:02:03 UTC: whatever vanished/m,
  );
});

test('reports how the last start of pcrs-etl ended', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  const attempt = { startedAt, endedAt: startedAt, status: 5, message: 'pcrs-posture ended 5' };
  writeFileSync(join(directory, 'last_attempt.json'), JSON.stringify(attempt));
  const status = await snapshotStatus(directory, { now });
  assert.deepEqual([status.ok, status.lastAttempt], [true, attempt]);
  assert.match(statusTable(status), /^last attempt {2}.*, ended 5: pcrs-posture ended 5$/m);
});
