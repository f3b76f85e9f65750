import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { addToHistory, emptyDirectory, posture, snapshot } from './fixture.test.ts';
import { report } from './index.ts';

/** The data that a page carries. */
function dataOf(html: string) {
  const [, packed] = /<script type="application\/octet-stream" id="data">([^<]*)</.exec(html)!;
  return JSON.parse(inflateRawSync(Buffer.from(packed!, 'base64')).toString());
}

/** The text of a page, without its markup, style and script. */
function textOf(html: string): string {
  return html
    .replace(/<(style|script)[^>]*>[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
}

/** `hosts` hosts with `controls` controls in policy 1; the first `failing` of these fail everywhere. */
function* world(hosts: number, controls: number, failing: number) {
  for (let hostId = 1; hostId <= hosts; hostId += 1)
    for (let controlId = 1; controlId <= controls; controlId += 1)
      yield posture({ policyId: 1, hostId, controlId, status: controlId <= failing ? 'Failed' : 'Passed' });
}

test('splits a made-up drop of the score by reason: 20 controls added, 5 hosts joined, 3 controls broke', async () => {
  const directory = emptyDirectory();
  await snapshot(directory, 20, world(40, 50, 5));
  const after = [...world(45, 70, 5)].map((record) => {
    const broke = record.controlId >= 6 && record.controlId <= 8;
    const isNewAndBad = record.controlId > 50 && record.controlId <= 60;
    return broke || isNewAndBad ? { ...record, status: 'Failed' } : record;
  });
  const { html } = await report(await snapshot(directory, 21, after));
  const text = textOf(html);
  // 90 % of 2,000 before; 52 of 70 controls pass on each of 45 hosts after.
  assert.match(text, /74\.3 % pass/);
  assert.match(text, /−15\.71 points since the run of 20 Nov 2026, 05:30 UTC/);
  assert.match(text, /20 controls added to 1 policy: 800 postures/);
  assert.match(text, /5 hosts joined 1 policy: 350 postures/);
  assert.match(text, /120 newly failed: 3 controls on 40 hosts/);
  const parts = [...text.matchAll(/([+−±]\d+\.\d\d) (?=\d+ (?:controls added|hosts joined|newly failed))/g)];
  const units = parts.map(([, points]) => Math.round(100 * Number(points!.replace('−', '-'))));
  assert.equal(units.length, 3);
  assert.equal(
    units.reduce((sum, one) => sum + one, 0),
    -1571,
  );
});

test('the numbers on the page equal those of v_pcrs_pass_rate', async () => {
  const statuses = ['Passed', 'PassedE', 'Failed', 'Error', 'Passed'];
  const records = [...world(30, 40, 0)].map((record, at) => ({ ...record, status: statuses[(at * 7) % 5]! }));
  const path = await snapshot(emptyDirectory(), 20, records);
  const { html } = await report(path);
  const db = new Sqlite(path, { readonly: true });
  const [sql] = db
    .prepare(
      `SELECT sum(passed) AS passed, sum(excepted) AS excepted, sum(failed) AS failed, sum(error) AS error,
         round(100.0 * sum(passed + excepted) / sum(passed + excepted + failed), 1) AS rate FROM v_pcrs_pass_rate`,
    )
    .all() as Record<string, number>[];
  db.close();
  const text = textOf(html);
  const number = (value: number) => value.toLocaleString('en-US');
  for (const words of [
    `${sql!['rate']!.toFixed(1)} % pass`,
    `passed ${number(sql!['passed']!)}`,
    `passed by exception ${number(sql!['excepted']!)}`,
    `failed ${number(sql!['failed']!)}`,
    `errors, not in the rate ${number(sql!['error']!)}`,
  ])
    assert.ok(text.includes(words), `${words} in ${text.slice(0, 600)}`);
  const [policies] = [dataOf(html).tables.policies];
  assert.deepEqual(policies.slice(2, 6).flat(), [
    sql!['passed'],
    sql!['excepted'],
    sql!['failed'],
    sql!['error'],
  ]);
  assert.equal(dataOf(html).tables.failures[0].places.length, sql!['failed']);
});

test('equal input gives equal bytes, and leaves nothing next to the database', async () => {
  const directory = emptyDirectory();
  const path = await snapshot(directory, 20, world(3, 4, 2));
  assert.equal((await report(path)).html, (await report(path)).html);
});

test('the report of an incomplete database says what is missing', async () => {
  const path = await snapshot(emptyDirectory(), 20, world(2, 3, 1), 'gateway said 503');
  const { html, incomplete } = await report(path);
  assert.match(incomplete!, /pcrs-posture ended 5: gateway said 503/);
  assert.match(textOf(html), /Incomplete .*Not the whole picture:.*gateway said 503/);
});

test('does not compare with a run of another scope or gateway', async () => {
  const directory = emptyDirectory();
  await snapshot(directory, 19, world(2, 3, 1), 'it broke');
  const { html } = await report(await snapshot(directory, 20, world(2, 3, 1)));
  assert.doesNotMatch(textOf(html), /since the run of/);
});

test('an executive report names no host and holds no evidence', async () => {
  const directory = emptyDirectory();
  const records = [...world(4, 3, 2)].map((record) => ({
    ...record,
    evidence: { expectedValues: 'secret-value', currentValues: ['other-value'] },
  }));
  await snapshot(directory, 19, world(4, 3, 1));
  const path = await snapshot(directory, 20, records);
  const full = await report(path, { evidence: true });
  assert.match(JSON.stringify(dataOf(full.html)), /host-1\.example/);
  assert.match(JSON.stringify(dataOf(full.html)), /secret-value/);
  const { html } = await report(path, { level: 'executive' });
  assert.doesNotMatch(html + JSON.stringify(dataOf(html)), /host-1|secret-value|192\.0\.2/);
});

test('without --evidence the file holds no value of a host', async () => {
  const records = [
    posture({
      policyId: 1,
      hostId: 1,
      controlId: 1,
      status: 'Failed',
      evidence: { expectedValues: 'secret-value' },
    }),
  ];
  const { html } = await report(await snapshot(emptyDirectory(), 20, records));
  assert.doesNotMatch(JSON.stringify(dataOf(html)), /secret-value/);
});

test('at most 50 hosts of a control have evidence', async () => {
  const records = [...world(60, 1, 1)].map((record) => ({ ...record, evidence: { expectedValues: 'x' } }));
  const { html } = await report(await snapshot(emptyDirectory(), 20, records), { evidence: true });
  assert.equal(Object.keys(dataOf(html).details.values).length, 50);
});

test('an age is exact from the first failure, and an upper bound if the host has passed since', async () => {
  const dates = [
    { firstFailDate: '2026-11-10T05:29:00Z', lastPassDate: '' },
    { firstFailDate: '2026-10-01T00:00:00Z', lastPassDate: '2026-11-18T05:30:00Z' },
    { firstFailDate: '2026-11-10T00:00:00Z', lastPassDate: '2026-11-01T00:00:00Z' },
    {},
  ];
  const records = dates.map((more, at) =>
    posture({ policyId: 1, hostId: at, controlId: 5, status: 'Failed', ...more }),
  );
  const { html } = await report(await snapshot(emptyDirectory(), 20, records));
  const age = dataOf(html).tables.failures[4];
  assert.deepEqual(age, { days: [10, 2, 10, -1], atMost: [0, 1, 0, 0] });
});

test('a history gives the trend, and since when each control fails', async () => {
  const [directory, days] = [emptyDirectory(), [17, 18, 19, 20]];
  const history = join(directory, 'history.db');
  // One more control fails each day; the gateway's dates disagree.
  const records = (day: number) =>
    [...world(2, 4, day - 16)].map((record) => ({
      ...record,
      ...(record.status === 'Failed' && { firstFailDate: '2026-01-01T00:00:00Z' }),
      ...(record.controlId < 4 && { lastPassDate: `2026-11-${15 + record.controlId}T12:00:00Z` }),
    }));
  const paths = [];
  for (const day of days) {
    paths.push(await snapshot(directory, day, records(day)));
    await addToHistory(history, day, records(day));
  }
  const { html } = await report(paths[3]!, { history });
  assert.match(
    textOf(html),
    /The trend as a table .*20 Nov 2026, 05:30 UTC 0 % 0 0 8 0 .*17 Nov 2026, 05:30 UTC 75\.0 % 6 0 2 0/,
  );
  assert.match(
    html,
    /<svg class="trend"[^>]*aria-label="Pass rate from 75\.0 % on 17 Nov 2026 to 0 % on 20 Nov 2026/,
  );
  const [control, , host, , age] = dataOf(html).tables.failures;
  const found = control.places.map((place: number, at: number) => [
    dataOf(html).lists.controls[place].at(-1),
    host.places[at],
    age.days[at],
  ]);
  assert.deepEqual(
    found.toSorted(),
    [1, 2, 3, 4].flatMap((id) => [0, 1].map((at) => [`${id}`, at, 4 - id])),
  );
  // An older snapshot ends its trend at its own run.
  assert.doesNotMatch(textOf((await report(paths[1]!, { history })).html), /19 Nov 2026/);
  const warnings: string[] = [];
  const unknown = await report(await snapshot(directory, 21, records(20)), {
    history,
    log: { warn: (message) => warnings.push(message) },
  });
  assert.match(warnings.join(), /history\.db does not hold the run of .*pcrs_20261121T053000Z\.db/);
  assert.ok(dataOf(unknown.html).tables.failures[4].atMost.includes(1), "the gateway's dates count");
});

test('finds owners by id or name, and narrows the page to their hosts', async () => {
  const directory = emptyDirectory();
  const path = await snapshot(directory, 20, world(3, 2, 1));
  const { writeFileSync } = await import('node:fs');
  const owners = join(directory, 'owners.csv');
  writeFileSync(owners, 'host,owner\n1,Web\nHOST-2.example,"Web"\n3,Ops\n');
  const all = dataOf((await report(path, { owners })).html);
  assert.deepEqual(all.tables.hosts[6], ['Web', 'Web', 'Ops']);
  const web = await report(path, { owners, owner: 'web' });
  assert.match(textOf(web.html), /4 postures of 2 hosts/);
  assert.doesNotMatch(JSON.stringify(dataOf(web.html)), /host-3/);
});

test('lists hosts without posture and hosts not scanned for 30 days', async () => {
  const records = [
    { kind: 'hostids', policyId: '1', subscriptionId: '9', hostIds: ['1', '2'] },
    posture({ policyId: 1, hostId: 1, controlId: 1, complianceLastScanDate: '2026-10-01T00:00:00Z' }),
  ];
  const { html } = await report(await snapshot(emptyDirectory(), 20, records));
  assert.deepEqual(dataOf(html).tables.gaps, [
    ['host id 2', 'host-1.example'],
    ['no posture', 'last scanned 1 Oct 2026'],
    ['Policy 1', ''],
  ]);
});
