import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { add, addStream, newHistory, posture, query, run, spans } from './fixture.test.ts';
import { forgetBefore, forgetHost } from './index.ts';

const open = (path: string, key: string) =>
  query(path, 'SELECT * FROM v_open_failures').find((row) => `${row.hostId}/${row.controlId}` === key);

test('keeps a span for each status, with its first and last run', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Passed'), posture('1/2', 'Failed')]);
  await add(path, '2026-11-02', [posture('1/1', 'Passed'), posture('1/2', 'Error')]);
  const third = await add(path, '2026-11-03', [
    posture('1/1', 'Failed'),
    posture('1/2', 'Passed'),
    posture('1/3', 'Passed'),
  ]);
  assert.deepEqual([third.opened, third.changed, third.ended], [1, 2, 0]);
  assert.deepEqual(spans(path, '1/1'), ['Passed 1–2 failed', 'Failed 3– open']);
  assert.deepEqual(spans(path, '1/2'), ['Failed 1–1 error', 'Error 2–2 passed', 'Passed 3– open']);
});

test('accepts a run once, in order, whole, and of one scope and gateway', async () => {
  const path = newHistory();
  const records = [posture('1/1', 'Passed')];
  await add(path, '2026-11-02', records);
  const before = readFileSync(path);
  const again = await add(path, '2026-11-02', [posture('1/1', 'Failed')]);
  assert.deepEqual([again.isNew, again.changed], [false, 0]);
  await assert.rejects(add(path, '2026-11-01', records), {
    code: 'PCRS_RECORD',
    message: /in the order in which they started/,
  });
  await assert.rejects(add(path, '2026-11-03', [], { failed: true }), { code: 'PCRS_INCOMPLETE' });
  await assert.rejects(add(path, '2026-11-03', records, { gateway: 'https://other.example' }), {
    code: 'PCRS_RECORD',
    message: /is of gateway/,
  });
  const flags = { title: { value: 'PCI', from: 'flag' } };
  await assert.rejects(add(path, '2026-11-03', records, { flags }), {
    code: 'PCRS_RECORD',
    message: /holds all policies; this run has --title PCI/,
  });
  assert.deepEqual(readFileSync(path), before, 'the file is as it was');
  await add(path, '2026-11-03', records, { flags, rescope: true });
  assert.deepEqual(spans(path, '1/1'), ['Passed 1–1 rescoped', 'Passed 2– open']);
});

test('accepts several runs one after another, one transaction each', async () => {
  const [first, second, third] = [
    [...run('2026-11-01', [posture('1/1', 'Passed'), posture('2/1', 'Failed')])],
    [...run('2026-11-02', [posture('1/1', 'Failed', { dns: 'moved' })])],
    [...run('2026-11-03', [posture('1/1', 'Passed')], { failed: true })],
  ] as const;
  const [together, apart] = [newHistory(), newHistory()];
  const { added } = await addStream(together, first, second);
  assert.deepEqual(
    added.map(({ opened, changed, ended }) => [opened, changed, ended]),
    [
      [2, 0, 0],
      [0, 1, 1],
    ],
  );
  for (const one of [first, second]) assert.equal((await addStream(apart, one)).failure, undefined);
  for (const table of ['runs', 'spans', 'run_counts', 'evaluations', 'policies', 'hosts', 'controls'])
    assert.deepEqual(
      query(together, `SELECT * FROM ${table}`),
      query(apart, `SELECT * FROM ${table}`),
      table,
    );

  const broken = newHistory();
  const { added: before, failure } = await addStream(broken, first, third, second);
  assert.match(failure!.message, /pcrs-posture ended 5: 503/);
  assert.deepEqual([before.length, spans(broken, '1/1')], [1, ['Passed 1– open']], 'what came before stands');

  const mixed = await addStream(newHistory(), first.slice(0, 5), second, first.slice(5));
  assert.match(mixed.failure!.message, /run incomplete: pcrs-posture broke off/);
  const again = await addStream(newHistory(), first, second, first);
  assert.match(again.failure!.message, /continues after another run/);
});

test('only a full run ends what it does not name; a delta and a filtered run open and change', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [
    posture('1/1', 'Passed'),
    posture('2/1', 'Passed'),
    posture('3/1', 'Passed', { policyId: 2 }),
  ]);
  const delta = { flags: { 'evaluated-since': { value: '2026-11-01', from: 'incremental' } } };
  await add(path, '2026-11-02', [posture('1/1', 'Failed')], delta);
  assert.deepEqual(spans(path, '2/1'), ['Passed 1– open']);
  const warnings: string[] = [];
  const filtered = await add(path, '2026-11-03', [posture('1/1', 'Failed')], {
    filtered: 2,
    log: { warn: (text) => warnings.push(text), note: () => {} },
  });
  assert.deepEqual([filtered.ended, warnings.length], [0, 1]);
  await add(path, '2026-11-04', [posture('1/1', 'Failed')]);
  assert.deepEqual(spans(path, '2/1'), ['Passed 1–3 gone']);
  assert.deepEqual(spans(path, '3/1'), ['Passed 1–3 policy_gone']);
  const runs = query(path, 'SELECT DISTINCT startedAt FROM v_trend ORDER BY 1').map(({ startedAt }) =>
    startedAt.slice(0, 10),
  );
  assert.deepEqual(runs, ['2026-11-01', '2026-11-04'], 'only full runs are in the trend');
});

test('a failure streak ends only at a pass: Error, and a return after an absence, do not reset it', async () => {
  const path = newHistory();
  const failed = (more: object = {}) =>
    posture('1/1', 'Failed', { firstFailDate: '2026-10-20T00:00:00Z', ...more });
  await add(path, '2026-11-01', [failed(), posture('9/9', 'Passed')]);
  await add(path, '2026-11-02', [posture('1/1', 'Error'), posture('9/9', 'Passed')]);
  await add(path, '2026-11-03', [failed(), posture('9/9', 'Passed')]);
  await add(path, '2026-11-04', [posture('9/9', 'Passed')]);
  await add(path, '2026-11-05', [failed(), posture('9/9', 'Passed')]);
  const streak = open(path, '1/1');
  assert.deepEqual(
    [streak.failing_since, streak.failing_since_earliest, streak.days_open, streak.first_fail_date_gateway],
    ['2026-10-20T00:00:00Z', '2026-10-20T00:00:00Z', 16, '2026-10-20T00:00:00Z'],
  );
  assert.deepEqual(spans(path, '1/1'), [
    'Failed 1–1 error',
    'Error 2–2 failed',
    'Failed 3–3 gone',
    'Failed 5– open',
  ]);
  await add(path, '2026-11-06', [posture('1/1', 'PassedE'), posture('9/9', 'Passed')]);
  assert.equal(query(path, 'SELECT * FROM v_time_to_fix').length, 0, 'an exception is not a fix');
  await add(path, '2026-11-07', [failed(), posture('9/9', 'Passed')]);
  assert.equal(open(path, '1/1').failing_since, '2026-11-07T05:00:00Z', 'after a pass it begins anew');
  await add(path, '2026-11-08', [posture('1/1', 'Passed'), posture('9/9', 'Passed')]);
  const [fix] = query(path, 'SELECT * FROM v_time_to_fix');
  assert.deepEqual(
    [fix.failing_since, fix.fixed_at, fix.days],
    ['2026-11-07T05:00:00Z', '2026-11-08T05:00:00Z', 1],
  );
});

test('a failure began at firstFailDate unless someone saw a pass since', async () => {
  const cases: [string, object, string, string | null][] = [
    ['1/1', { firstFailDate: '2026-10-01T00:00:00Z' }, '2026-10-01T00:00:00Z', '2026-10-01T00:00:00Z'],
    [
      '1/2',
      { firstFailDate: '2026-10-01T00:00:00Z', lastPassDate: '2026-09-01T00:00:00Z' },
      '2026-10-01T00:00:00Z',
      '2026-10-01T00:00:00Z',
    ],
    [
      '1/3',
      { firstFailDate: '2026-10-01T00:00:00Z', lastPassDate: '2026-10-20T00:00:00Z' },
      '2026-11-01T05:00:00Z',
      '2026-10-20T00:00:00Z',
    ],
    ['1/4', {}, '2026-11-01T05:00:00Z', null],
  ];
  const path = newHistory();
  await add(
    path,
    '2026-11-01',
    cases.map(([key, dates]) => posture(key, 'Failed', dates)),
  );
  for (const [key, , since, earliest] of cases) {
    const { failing_since, failing_since_earliest } = open(path, key);
    assert.deepEqual([key, failing_since, failing_since_earliest], [key, since, earliest]);
  }
  // The history saw a pass yesterday: the gateway's first failure is an older one.
  const later = newHistory();
  await add(later, '2026-11-01', [posture('1/1', 'Passed')]);
  await add(later, '2026-11-02', [
    posture('1/1', 'Failed', { firstFailDate: '2026-05-01T00:00:00Z', lastPassDate: '2026-11-01T22:00:00Z' }),
  ]);
  const { failing_since, failing_since_earliest } = open(later, '1/1');
  assert.deepEqual([failing_since, failing_since_earliest], ['2026-11-02T05:00:00Z', '2026-11-01T22:00:00Z']);
});

test('a pass that only the gateway saw, between two runs that saw failures, begins the failure anew', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Failed', { firstFailDate: '2026-10-01T00:00:00Z' })]);
  await add(path, '2026-11-02', [
    posture('1/1', 'Failed', { firstFailDate: '2026-10-01T00:00:00Z', lastPassDate: '2026-11-01T12:00:00Z' }),
  ]);
  const { failing_since, failing_since_earliest } = open(path, '1/1');
  assert.deepEqual([failing_since, failing_since_earliest], ['2026-11-02T05:00:00Z', '2026-11-01T12:00:00Z']);
});

test('compares identity by columns: neither an id issued anew nor ids that read alike change a span', async () => {
  const path = newHistory();
  const alike = [
    { hostId: 1, controlId: 12, instance: null },
    { hostId: 11, controlId: 2, instance: null },
    { hostId: 1, controlId: 12, instance: '' },
  ];
  const records = (id: number) => alike.map((more, at) => posture('1/1', 'Passed', { ...more, id: id + at }));
  await add(path, '2026-11-01', records(100));
  const { opened, changed, ended } = await add(path, '2026-11-02', records(200));
  assert.deepEqual([opened, changed, ended], [0, 0, 0]);
  assert.deepEqual(
    query(path, 'SELECT id FROM spans ORDER BY id').map(({ id }) => id),
    [200, 201, 202],
  );
});

test('stores names with the runs between which they were valid', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Failed')]);
  await add(path, '2026-11-02', [posture('1/1', 'Failed', { policyTitle: 'Renamed', dns: 'moved' })]);
  assert.deepEqual(query(path, 'SELECT policyTitle, first_run, last_run FROM policies ORDER BY first_run'), [
    { policyTitle: 'Policy 1', first_run: 1, last_run: 1 },
    { policyTitle: 'Renamed', first_run: 2, last_run: null },
  ]);
  const { policyTitle, dns, controlStatement, criticality_value } = open(path, '1/1');
  assert.deepEqual(
    [policyTitle, dns, controlStatement, criticality_value],
    ['Renamed', 'moved', 'Control 1', 5],
  );
});

test('a full run without any posture is not taken for a world that is gone', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Passed')]);
  await assert.rejects(add(path, '2026-11-02', []), {
    code: 'PCRS_RECORD',
    message: /a stage was forgotten/,
  });
  assert.deepEqual(spans(path, '1/1'), ['Passed 1– open']);
  assert.equal((await add(path, '2026-11-02', [], { acceptShrink: true })).ended, 1);
});

test('refuses a full run that shrank, on request', async () => {
  const path = newHistory();
  const records = Array.from({ length: 10 }, (_, at) => posture(`1/${at}`, 'Passed'));
  await add(path, '2026-11-01', records);
  await assert.rejects(add(path, '2026-11-02', records.slice(0, 8), { maxShrink: 10 }), {
    code: 'PCRS_GATE',
  });
  assert.equal(
    (await add(path, '2026-11-02', records.slice(0, 8), { maxShrink: 10, acceptShrink: true })).ended,
    2,
  );
});

test('forgets a host, and everything that ended before a date', async () => {
  const path = newHistory();
  await add(path, '2026-11-01', [posture('1/1', 'Passed'), posture('2/1', 'Passed')]);
  await add(path, '2026-11-02', [posture('1/1', 'Failed'), posture('2/1', 'Passed')]);
  await add(path, '2026-11-03', [posture('1/1', 'Failed'), posture('2/1', 'Passed')]);
  await forgetBefore(path, '2026-11-02');
  assert.deepEqual(spans(path, '1/1'), ['Failed 2– open']);
  assert.deepEqual(spans(path, '2/1'), ['Passed 1– open']);
  await forgetHost(path, 1n);
  assert.deepEqual(spans(path, '1/1'), []);
  assert.equal(readFileSync(path).includes('host-1'), false);
});
