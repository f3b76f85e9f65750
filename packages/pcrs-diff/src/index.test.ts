import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { toCsv } from 'pcrs-to-csv';
import {
  type Changes,
  database,
  databaseWithoutRun,
  diff,
  emptyDirectory,
  policy,
  posture,
} from './fixture.test.ts';
import { openDiff } from './index.ts';

test('has a word for each pair of statuses', async () => {
  const pairs = [
    ['Passed', 'Failed', 'newly_failed'],
    ['Error', 'Failed', 'newly_failed'],
    [null, 'Failed', 'newly_failed'],
    ['Failed', 'Passed', 'fixed'],
    ['FAILED', 'passed', 'fixed'],
    ['Failed', 'Error', 'status_changed'],
    ['Error', 'Passed', 'status_changed'],
    ['Passed', 'Error', 'status_changed'],
    ['Failed', null, 'status_changed'],
    ['Failed', '', 'status_changed'],
    ['Failed', 'Failed', undefined],
    ['Passed', 'PASSED', undefined],
    [null, null, undefined],
    [undefined, 'Passed', 'appeared'],
    [undefined, 'Failed', 'appeared'],
    ['Failed', undefined, 'vanished'],
  ] as const;
  const side = (index: 0 | 1) =>
    pairs.flatMap((pair, id) =>
      pair[index] === undefined
        ? []
        : [{ ...posture, id, controlId: 7, instance: `i${id}`, status: pair[index] }],
    );
  const { changes } = await diff(await database(side(0)), await database(side(1)));
  assert.deepEqual(
    changes.map(({ id, change, oldStatus, newStatus }) => [id, oldStatus, newStatus, change]),
    pairs.flatMap(([old, now, change], id) =>
      change === undefined ? [] : [[id, old ?? null, now ?? null, change]],
    ),
  );
});

test('ignores new evidence, dates and texts', async () => {
  const later = {
    lastEvaluatedDate: '2026-11-21T00:00:00Z',
    evidence: { currentValues: ['1'] },
    ip: '192.0.2.15',
  };
  const { text } = await diff(await database([posture]), await database([{ ...posture, ...later }]));
  assert.equal(text, '');
});

test('shows a posture as in the later database, a vanished one as in the older', async () => {
  const moved = { ...posture, ip: '192.0.2.99', criticality: { label: 'URGENT', value: 5 } };
  const failed = await diff(await database([{ ...posture, status: 'Passed' }]), await database([moved]));
  const { kind: _kind, ...members } = moved;
  for (const [name, value] of Object.entries(members))
    assert.deepEqual(failed.postures[0][name], value, name);
  assert.deepEqual(failed.changes, [
    {
      kind: 'change',
      change: 'newly_failed',
      policyId: 85361,
      policyTitle: 'CIS - Microsoft Windows 11, v1.2.0',
      hostId: 609153601,
      ip: '192.0.2.99',
      dns: 'ws-0013',
      controlId: 10091,
      controlStatement: "Status of the 'Prevent installation' setting",
      technologyId: 331,
      technology_name: 'Windows 11',
      instance: 'os',
      id: 23006235045,
      criticality_label: 'URGENT',
      criticality_value: 5,
      oldStatus: 'Passed',
      newStatus: 'Failed',
    },
  ]);
  const vanished = await diff(await database([moved]), await database([policy]));
  assert.equal(vanished.postures[0].ip, '192.0.2.99');
  assert.deepEqual(vanished.changes, [
    { ...failed.changes[0], change: 'vanished', oldStatus: 'Failed', newStatus: null },
  ]);
});

test('keeps every digit of ids, and every character of texts', async () => {
  const big = '9223372036854775807';
  const odd = 'a "quote" \\ \u0000 \u2028 \u001b \u{1f512} é';
  const record = JSON.stringify({ ...posture, dns: odd }).replace(`"id":${posture.id}`, `"id":${big}`);
  const { text, changes } = await diff(await database([policy]), await database([record]));
  assert.ok(text.includes(`"id":${big},`), text);
  assert.equal(changes[0].dns, odd);
  assert.equal(text.split('\n').length, 2);
});

test('writes null for a posture without technology, criticality or text', async () => {
  const {
    technologyId: _id,
    technology: _technology,
    criticality: _criticality,
    dns: _dns,
    ...bare
  } = posture;
  const old = await database([policy]);
  const [change] = (await diff(old, await database([{ ...bare, criticality: 'odd' }]))).changes;
  assert.deepEqual(
    [change.technologyId, change.technology_name, change.criticality_label, change.dns],
    [null, null, null, null],
  );
  const { summary } = await diff(old, await database([bare]));
  assert.deepEqual(
    summary.byCriticality.map((group: Changes[number]) => group.criticality_label),
    [null],
  );
});

test('agrees with a model for any two sets of postures', async () => {
  const row = fc.record({
    policyId: fc.integer({ min: 1, max: 3 }),
    hostId: fc.integer({ min: 1, max: 4 }),
    controlId: fc.integer({ min: 1, max: 3 }),
    id: fc.integer({ min: 1, max: 9 }),
    status: fc.constantFrom('Passed', 'Failed', 'Error'),
    batches: fc.integer({ min: 1, max: 3 }),
  });
  const key = ({ policyId, hostId, controlId }: Changes[number]) => `${policyId}/${hostId}/${controlId}`;
  // The gateway chooses ids: those of one host merely differ.
  const side = fc
    .uniqueArray(row, { selector: key, maxLength: 25 })
    .map((rows) => rows.map((one, at) => ({ ...one, id: 10 * at + one.id })));
  const records = (rows: Changes) =>
    rows.flatMap(({ batches, ...members }) =>
      Array.from({ length: batches }, (_, batch) => ({ ...posture, ...members, currentBatch: batch + 1 })),
    );
  await fc.assert(
    fc.asyncProperty(side, side, async (before, after) => {
      const [old, now] = [
        new Map(before.map((one) => [key(one), one])),
        new Map(after.map((one) => [key(one), one])),
      ];
      const expected = [...new Set([...old.keys(), ...now.keys()])]
        .filter((one) => old.get(one)?.status !== now.get(one)?.status)
        .map((one) => ({ ...(now.get(one) ?? old.get(one))!, key: one }))
        .sort((a, b) => a.policyId - b.policyId || a.hostId - b.hostId || a.controlId - b.controlId)
        .map(({ key: one }) => [one, old.get(one)?.status ?? null, now.get(one)?.status ?? null]);
      const { changes, summary } = await diff(
        await database([policy, ...records(before)]),
        await database([policy, ...records(after)]),
      );
      assert.deepEqual(
        changes
          .filter(({ change }) => !change.startsWith('control_'))
          .map((one) => [key(one), one.oldStatus, one.newStatus]),
        expected,
      );
      assert.deepEqual([summary.old.postures, summary.new.postures], [before.length, after.length]);
    }),
    { numRuns: 25 },
  );
});

test('writes records that a CSV of changes shows whole, with the same header if nothing changed', async () => {
  const [old, now] = [await database([{ ...posture, status: 'Passed' }]), await database([posture])];
  const csv = async (text: string) => {
    const reports: string[] = [];
    const log = { warn: (message: string) => void reports.push(message), note() {} };
    const rows: string[] = [];
    const chunks = [Buffer.from(text)];
    for await (const bytes of toCsv(chunks, { kind: 'change', allowEmpty: true, log }))
      rows.push(Buffer.from(bytes).toString());
    assert.deepEqual(reports, []);
    return rows.join('').split('\n').slice(0, -1);
  };
  const { text, changes } = await diff(old, now);
  const { kind: _kind, ...members } = changes[0];
  const [header, row] = await csv(text);
  assert.equal(header, Object.keys(members).join());
  assert.match(row!, /^newly_failed,85361,.*,Passed,Failed$/);
  assert.deepEqual(await csv(''), [header]);
});

test('refuses databases of two subscriptions and names both', async () => {
  const [old, now] = [await database([policy]), await database([{ ...policy, subscriptionId: 5 }])];
  await assert.rejects(diff(old, now), {
    code: 'PCRS_RECORD',
    message: `${old} is of subscription 263191, but ${now} is of subscription 5; give two databases of the same subscription`,
  });
  const other = { ...posture, customerUuid: '00000000-0000-4000-8000-000000000002' };
  const lists = [await databaseWithoutRun([posture]), await databaseWithoutRun([other])] as const;
  await assert.rejects(diff(...lists), {
    code: 'PCRS_RECORD',
    message: /customer 0.*1, but .* of customer 0.*2/,
  });
});

test('warns about a database whose run is incomplete, and refuses it with strict', async () => {
  const whole = await database([posture]);
  const partial = await database([posture], { failed: true });
  const { warnings, summary } = await diff(whole, partial);
  const why = 'run incomplete: pcrs-posture ended 5: 503, 7 tries';
  assert.deepEqual(warnings, [`${partial}: ${why}; missing records show as vanished or appeared`]);
  assert.deepEqual([summary.old.complete, summary.new.complete], [true, false]);
  for (const pair of [[whole, partial] as const, [partial, whole] as const])
    await assert.rejects(diff(...pair, { strict: true }), {
      code: 'PCRS_INCOMPLETE',
      message: `${partial}: ${why} (--strict)`,
    });
});

test('accepts databases without a run, except with strict', async () => {
  const [old, now] = [await databaseWithoutRun([posture]), await database([posture])];
  const { warnings, summary } = await diff(old, now);
  assert.deepEqual([warnings, summary.old.complete], [[], null]);
  await assert.rejects(diff(old, now, { strict: true }), {
    code: 'PCRS_INCOMPLETE',
    message: /had no run/,
  });
});

test('warns if the newer database is given first, and about two gateways', async () => {
  const old = await database([posture], {
    startedAt: '2026-11-21T01:02:03Z',
    gateway: 'https://one.example',
  });
  const now = await database([posture], { gateway: 'https://two.example' });
  const { warnings } = await diff(old, now);
  assert.deepEqual(warnings, [
    `${old} was loaded from https://one.example, ${now} from https://two.example: are they the same subscription?`,
    `${old} (2026-11-21T01:02:03Z) is newer than ${now} (2026-11-20T01:02:03Z); give the older one first`,
  ]);
});

test('warns about runs with different filters, dates aside', async () => {
  const all = await database([posture], { flags: { 'evaluated-since': '2026-11-19' } });
  const some = await database([posture], { flags: { title: 'DISA', 'evaluated-since': '2026-11-18' } });
  const { warnings } = await diff(all, some);
  assert.deepEqual(warnings, [
    `${all} was asked for with no filter, ${some} with pcrs-policies --title DISA; postures that only one of them asked for show as vanished or appeared`,
  ]);
  assert.deepEqual((await diff(some, some)).warnings, []);
});

test('follows links, and changes neither the files nor their directory', async () => {
  const directory = emptyDirectory();
  const old = await database([posture], { path: join(directory, 'old.db') });
  const now = await database([{ ...posture, status: 'Passed' }], { path: join(directory, 'now.db') });
  symlinkSync('now.db', join(directory, 'latest.db'));
  const before = [old, now].map(digest);
  const { changes } = await diff(old, join(directory, 'latest.db'));
  assert.deepEqual(
    changes.map(({ change }) => change),
    ['fixed'],
  );
  assert.deepEqual([old, now].map(digest), before);
  assert.deepEqual(readdirSync(directory).sort(), ['latest.db', 'now.db', 'old.db']);
});

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

test('says in one line what is wrong with either file', async () => {
  const good = await database([posture]);
  const directory = dirname(good);
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  mkdirSync(join(directory, 'folder'));
  const cases = [
    [join(directory, 'none.db'), 'PCRS_USAGE', /none\.db does not exist$/],
    [join(directory, 'folder'), 'PCRS_USAGE', /folder is a directory; give a database file$/],
    [file('text.db', 'hello\n'), 'PCRS_RECORD', /text\.db is not a database; pcrs-to-sqlite makes one$/],
    [file('empty.db', ''), 'PCRS_RECORD', /empty\.db is empty; pcrs-to-sqlite makes a database$/],
    [
      file('cut.db', readFileSync(good).subarray(0, 5000)),
      'PCRS_RECORD',
      /cut\.db (is damaged|is no database)/,
    ],
    [
      file('head.db', readFileSync(good).subarray(0, 60)),
      'PCRS_RECORD',
      /head\.db is (not a database|damaged)/,
    ],
  ] as const;
  for (const [path, code, message] of cases) {
    await assert.rejects(diff(path, good), { code, message }, path);
    await assert.rejects(diff(good, path), { code, message }, path);
  }
});

test('reads both databases as of one moment, whatever is written meanwhile', async () => {
  const old = await database([posture]);
  const now = await database([1, 2, 3].map((hostId) => ({ ...posture, hostId })));
  const writer = new Sqlite(now);
  writer.pragma('journal_mode = WAL');
  const opened = await openDiff(old, now);
  const lines = opened.lines();
  assert.equal((await lines.next()).done, false);
  writer.exec('DELETE FROM q_pcrs_postureinfo');
  const rest = await Array.fromAsync(lines);
  assert.equal(rest.length, 3, 'two hosts that appeared, one that vanished');
  opened.close();
  writer.close();
});

test('refuses a policy or a criticality that neither database has', async () => {
  const path = await database([posture]);
  await assert.rejects(diff(path, path, { policies: ['85361', '42'] }), {
    code: 'PCRS_USAGE',
    message: 'neither database has a policy 42 (--policy)',
  });
  await assert.rejects(diff(path, path, { criticality: ['serious', 'URGNT'] }), {
    code: 'PCRS_USAGE',
    message: 'no control has the criticality URGNT (--criticality); found: SERIOUS',
  });
});

test('an id that the gateway issued anew is not a change', async () => {
  const { changes } = await diff(await database([posture]), await database([{ ...posture, id: 5 }]));
  assert.deepEqual(changes, []);
});

test('splits a made-up drop of the score by reason, and the parts add up', async () => {
  const world = (hosts: number, controls: number, fails: (controlId: number) => boolean) =>
    Array.from({ length: hosts * controls }, (_, at) => {
      const [hostId, controlId] = [(at % hosts) + 1, Math.floor(at / hosts) + 1];
      return { ...posture, id: at, hostId, controlId, status: fails(controlId) ? 'Failed' : 'Passed' };
    });
  const before = world(20, 30, (controlId) => controlId <= 3);
  const after = world(25, 50, (controlId) => controlId <= 6 || controlId > 40);
  const { changes, summary } = await diff(await database(before), await database(after));
  const added = changes.filter(({ change }) => change === 'control_added');
  assert.deepEqual(
    added.map(({ policyId, hostId, controlId }) => [policyId, hostId, controlId]),
    Array.from({ length: 20 }, (_, at) => [85361, null, 31 + at]),
  );
  const { old, new: now, change, by } = summary.passRate;
  assert.deepEqual([old, now, change], [90, 68, -22]);
  assert.deepEqual(
    Object.entries(by).map(([reason, part]: Changes) => [reason, part.postures, part.controls, part.hosts]),
    [
      ['newly_failed', 60, 3, 20],
      ['controls_added', 400, 20, undefined],
      ['hosts_joined', 250, 50, 5],
    ],
  );
  const units = Object.values(by).map((part: Changes[number]) => Math.round(part.points * 10_000));
  assert.equal(
    units.reduce((sum, one) => sum + one, 0),
    -220_000,
  );
});

test('stops between two hosts when told to', async () => {
  const now = await database([1, 2, 3].map((hostId) => ({ ...posture, hostId })));
  const stop = new AbortController();
  const opened = await openDiff(await database([policy]), now, { signal: stop.signal });
  const lines = opened.lines();
  await lines.next();
  const reason = Object.assign(new Error('enough'), { code: 'PCRS_INTERRUPTED' });
  stop.abort(reason);
  await assert.rejects(lines.next(), reason);
  opened.close();
});
