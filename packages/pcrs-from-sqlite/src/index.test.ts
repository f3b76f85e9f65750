import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { openForReading } from 'pcrs-database/open';
import { openHandle } from 'pcrs-database/open-for-writing';
import { openSource } from 'pcrs-from-sqlite';
import { controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import { asRun, load, newDatabase, read, runId } from './fixture.test.ts';

const policy =
  '{"kind":"policy","subscriptionId":263191,"id":85361,"title":"CIS \\"W\\u00fc\\t\\u0000\\"","createdBy":"","createdDate":null,"modifiedBy":"a","modifiedDate":"2020-01-01T00:00:00Z","lastEvaluatedDate":"2026-01-01T00:00:00.123Z","status":"active","locked":0}';
const hostIds =
  '{"kind":"hostids","subscriptionId":"263191","policyId":"85361","hostIds":["2","1","9223372036854775807"]}';

/** A posture with every known member, as the source writes it, with some values replaced. */
function posture(values: Record<string, string> = {}, more = ''): string {
  const all = { id: '7', policyId: '85361', hostId: '1', controlId: '10091', technologyId: '331', ...values };
  const known = [
    ...postureTable.columns,
    ...controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name)),
  ];
  const members = known.map(({ name }, index) => {
    const split = index === postureTable.columns.length ? more : '';
    return `${split}"${name}":${(all as Record<string, string>)[name] ?? 'null'}`;
  });
  return `{"kind":"posture",${members.join(',')}}`;
}

const strange = posture({
  ...{
    id: '9223372036854775807',
    hostId: '2',
    status: '"Failed"',
    instance: '""',
    networkId: '-0',
    customerId: '"0094271"',
  },
  ...{ currentBatch: '1', totalBatches: '12345678901234567890', qgHostid: '"\\u2028;DROP TABLE x;--\\\\."' },
  evidence: '{"a" : [1.50,1e400, "\\u00e9"],"a":{}}',
  causeOfFailure: '[]',
  CloudMetaData: '{"x":[]}',
  policyTitle: '"🜚 ‰"',
  criticality: '{ "label":"SERIOUS","value":3.10}',
});

test('writes every record as it came, with the digits, white space and escapes of nested members', async () => {
  const path = newDatabase();
  const lines = [policy, hostIds, strange, posture({ controlId: '5' })];
  await load(path, lines);
  const got = await read(path);
  assert.deepEqual(got.lines.map(unescaped), lines.map(unescaped));
  assert.deepEqual([got.counted, got.run, got.incomplete], [4, undefined, undefined]);
});

test('writes members without a known column under their names', async () => {
  const path = newDatabase();
  const added =
    '"Status":"x","tags":[{"id":1}],"na me\\"":"y","half":0.1,"large":1.5e+300,"whole":9007199254740993,';
  await load(path, [posture({ status: '"Passed"' }, added), posture({ id: '8' })]);
  const { lines } = await read(path);
  assert.equal(
    lines[0],
    posture(
      { status: '"Passed"' },
      '"tags":[{"id":1}],"na me\\"":"y","half":0.1,"large":1.5e+300,"whole":9007199254740993,"Status":"x",',
    ),
  );
  assert.equal(lines[1], posture({ id: '8' }));
});

test('a database loaded from its lines has the same rows', async () => {
  const [path, again] = [newDatabase(), newDatabase()];
  await load(
    path,
    asRun([policy, hostIds, strange, posture({}, '"tags":[ 1 ],"other":"2",')], {
      evidence: { value: true },
    }),
  );
  await load(again, (await read(path)).lines);
  assert.deepEqual(await rows(again), await rows(path));
});

test('loses what a table does not store: absent members, differing texts, other types', async () => {
  const path = newDatabase();
  await load(path, [
    '{"kind":"posture","id":1,"policyId":85361,"hostId":1,"controlId":5,"controlStatement":"one","networkId":"4","customerId":94271,"flag":true,"digits":1e21,"evidence":"n/a"}',
    '{"kind":"posture","id":2,"policyId":85361,"hostId":1,"controlId":5,"controlStatement":"two"}',
  ]);
  const [one, two] = (await read(path)).lines;
  const texts = { technologyId: 'null', controlId: '5', controlStatement: '"two"' };
  const members = { ...texts, id: '1', networkId: '4', customerId: '"94271"', evidence: '"n/a"' };
  assert.equal(one, posture(members, '"flag":"true","digits":"1e21",'));
  assert.equal(two, posture({ ...texts, id: '2' }));
});

test('keeps a record on its line, whatever was stored', async () => {
  const path = newDatabase();
  await load(path, [posture({ instance: '"a\\nb"' }), posture({ id: '8' })]);
  const db = await openHandle(path, false);
  db.exec(
    `UPDATE q_pcrs_postureinfo SET evidence = '{"a":' || char(13, 10) || '1}', instance = char(30, 13)`,
  );
  db.close();
  const { lines } = await read(path);
  const records = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map(({ id, instance, evidence }) => [id, instance, evidence]),
    [
      [7, '\u001e\r', { a: 1 }],
      [8, '\u001e\r', { a: 1 }],
    ],
  );
});

test('reads a file whose texts are in UTF-16', async () => {
  for (const encoding of ['UTF-16le', 'UTF-16be']) {
    const [path, plain] = [newDatabase(), newDatabase()];
    writeFileSync(path, '');
    const db = await openHandle(path, false);
    db.exec(`PRAGMA encoding = '${encoding}'; CREATE TABLE mine (a)`);
    db.close();
    const lines = [policy, hostIds, strange, posture({ id: '8' }, '"tags":["ü🜚"],')];
    for (const each of [path, plain]) await load(each, lines);
    assert.deepEqual((await read(path)).lines, (await read(plain)).lines);
  }
});

test('finds the rows between far gaps, each once', async () => {
  const path = newDatabase();
  const ids = Array.from({ length: 400 }, (_, index) => index + 1);
  await load(
    path,
    ids.map((id) => posture({ id: String(id) })),
  );
  for (const gap of [10_000_000_000n, 2n ** 53n, 9_000_000_000_000_000_000n]) {
    const db = await openHandle(path, false);
    db.prepare('UPDATE q_pcrs_postureinfo SET rowid = rowid + ? WHERE id > 200').run(gap);
    db.exec(
      'UPDATE q_pcrs_postureinfo SET rowid = 9223372036854775807 WHERE id = 400; UPDATE q_pcrs_postureinfo SET rowid = -5 WHERE id = 1',
    );
    db.close();
    const { lines } = await read(path);
    assert.deepEqual(
      lines.map((line) => Number(JSON.parse(line).id)),
      ids,
    );
    const back = await openHandle(path, false);
    back.exec('UPDATE q_pcrs_postureinfo SET rowid = id');
    back.close();
  }
});

test('replaces bytes that are not UTF-8, and warns of their records', async () => {
  const path = newDatabase();
  await load(path, [posture(), posture({ id: '8' })]);
  const db = await openHandle(path, false);
  db.exec("UPDATE q_pcrs_postureinfo SET os = CAST(x'4dfc6c' AS TEXT) WHERE id = 8");
  db.close();
  const warnings: string[] = [];
  const { lines } = await read(path, { log: { warn: (line) => warnings.push(line) } });
  assert.equal(lines[1], posture({ id: '8', os: '"M\ufffdl"' }));
  assert.match(warnings.join(), /posture\.db: 1 record with bytes that are not UTF-8, which became U\+FFFD$/);
});

test('fails if the table has fewer rows than its index, whole or in part', async () => {
  const path = newDatabase();
  await load(path, [posture(), posture({ id: '8' }), posture({ id: '9' })]);
  const db = await openHandle(path, false);
  const [page] = db
    .prepare("SELECT rootpage FROM sqlite_master WHERE name = 'q_pcrs_postureinfo'")
    .pluck()
    .all();
  const size = db.pragma('page_size', { simple: true }) as number;
  db.close();
  // The number of cells in the leaf's header.
  const file = await open(path, 'r+');
  await file.write(Buffer.from([0, 2]), 0, 2, ((page as number) - 1) * size + 3);
  await file.close();
  for (const options of [{}, { statuses: ['Passed'] }])
    await assert.rejects(read(path, options), {
      code: 'PCRS_RECORD',
      message: /is damaged \(its index has 3 postures, its table 2\)/,
    });
});

test('gives long records in more and smaller blocks', async () => {
  const path = newDatabase();
  const ids = Array.from({ length: 300 }, (_, index) => index + 1);
  const text = (id: number) => (id % 100 === 7 ? 'l'.repeat(3_000_000) : 's'.repeat(id > 150 ? 20_000 : 10));
  await load(
    path,
    ids.map((id) => posture({ id: String(id), evidence: JSON.stringify({ a: text(id) }) })),
  );
  const source = await openSource(path);
  const got: number[] = [];
  for await (const { lines, count } of source.blocks()) {
    assert.ok(lines.length < (count === 1 ? 3_100_000 : 1_500_000));
    const records = lines
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(records.length, count);
    for (const { id, evidence } of records) {
      assert.equal(evidence.a, text(id));
      got.push(id);
    }
  }
  source.close();
  assert.deepEqual(got, ids);
});

test('omits evidence that the run did not ask for', async () => {
  for (const [value, has] of [
    [false, false],
    [true, true],
  ] as const) {
    const path = newDatabase();
    await load(path, asRun([posture()], { evidence: { value, from: 'flag' } }));
    const [line] = (await read(path)).lines;
    assert.deepEqual(
      ['evidence', 'causeOfFailure', 'currentBatch'].map((name) => name in JSON.parse(line!)),
      [has, has, true],
    );
  }
});

test('finds the run in a database, and whether it is complete', async () => {
  const path = newDatabase();
  await load(path, asRun([posture()], { title: { value: 'PCI', from: 'flag' } }));
  const { run, incomplete } = await read(path);
  assert.deepEqual(run?.session, {
    ...{ kind: 'session', runId, gateway: 'https://gateway.example', username: 'acme_ab1' },
    ...{ tokenFile: null, expiresAt: null, startedAt: '2026-11-20T01:02:03.456Z' },
  });
  assert.deepEqual(
    [run?.scope, run?.base, incomplete],
    [{ 'pcrs-posture --title': 'PCI' }, 'full', undefined],
  );
  const broken = newDatabase();
  await load(broken, asRun([posture()], {}, false));
  assert.match((await read(broken)).incomplete ?? '', /pcrs-posture ended 5/);
});

test('narrows by policy and by status, in any case; fails on an unknown policy or status', async () => {
  const path = newDatabase();
  await load(path, [
    policy,
    hostIds,
    posture({ status: '"Passed"' }),
    strange,
    posture({ policyId: '9', status: '"FAILED"' }),
  ]);
  const failed = await read(path, { statuses: ['failed'] });
  assert.equal(failed.lines.length, 4);
  const other = await read(path, { policies: ['9'] });
  assert.deepEqual(other.lines, [posture({ policyId: '9', status: '"FAILED"' })]);
  assert.equal((await read(path, { statuses: ['Error'] })).lines.length, 2);
  await assert.rejects(read(path, { statuses: ['failed', 'Faild'] }), {
    code: 'PCRS_USAGE',
    message: /has no posture with the status Faild \(--posture-status\), only FAILED, Failed, Passed$/,
  });
  await assert.rejects(read(path, { policies: ['85361', '12'] }), {
    code: 'PCRS_USAGE',
    message: /has no policy 12/,
  });
});

test('leaves the file unchanged and nothing next to it', async () => {
  const path = newDatabase();
  await load(path, asRun([policy, posture()]));
  const before = readdirSync(dirname(path));
  await read(path);
  assert.deepEqual(readdirSync(dirname(path)), before);
});

/** JSON with strings unescaped, nested members as written. */
function unescaped(line: string): unknown {
  const nested = /"(?:evidence|causeOfFailure|CloudMetaData|criticality|technology)":(\{.*?\}+|\[.*?\])/g;
  return [
    JSON.parse(line, (_key, value, { source }: { source?: string } = {}) =>
      typeof value === 'number' ? source : value,
    ),
    line.match(nested),
  ];
}

async function rows(path: string): Promise<unknown> {
  const { db, close } = await openForReading(path);
  try {
    return [policyTable, hostIdsTable, postureTable, controlsTable].map(({ name }) => {
      const all = db.prepare(`SELECT * FROM ${name}`).safeIntegers().all() as object[];
      return all.map((row) => Object.entries(row).filter(([column]) => !/^BATCH_|Row_Last/.test(column)));
    });
  } finally {
    close();
  }
}
