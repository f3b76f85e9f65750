import assert from 'node:assert/strict';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { postureTable } from 'pcrs-records/columns';
import {
  duckdb,
  filesOf,
  folder,
  footer,
  hostids,
  hyparquet,
  type Json,
  lies,
  metadataOf,
  posture,
  runLines,
  write,
} from './dataset-fixture.test.ts';

const postures = 'q_pcrs_postureinfo';
const all = (dir: string, table = postures) => `'${dir}/${table}/*/*/*/*.parquet'`;

/** A table's row, by JSON.parse. */
function rowOf(record: Json): Json {
  const texts = ['policyTitle', 'controlStatement', 'rationale', 'remediation', 'controlReference'];
  const isOther = (name: string) => !['kind', 'technology', 'criticality', ...texts].includes(name);
  const row: Json = {};
  for (const { name, type } of postureTable.columns) {
    const value = record[name] ?? null;
    const text = typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value);
    row[name] = value === null ? null : type === 'INTEGER' ? String(value) : text;
  }
  const others = Object.entries(record).filter(([name]) => isOther(name) && !(name in row));
  row['unknown_members'] = others.length === 0 ? null : JSON.stringify(Object.fromEntries(others));
  return row;
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '\0', 'a\0b', '\ud800', 'ä', '😀', 'null', '{"a":1}', '"'),
);
const anything = fc.oneof(
  text,
  fc.constantFrom(null, true, false, 0, -1.5, 9007199254740991),
  fc.array(text, { maxLength: 3 }),
  fc.record({ expectedValues: fc.array(text, { maxLength: 2 }) }),
);
const someRecord = fc
  .record(
    {
      ...Object.fromEntries(
        ['instance', 'netBios', 'status', 'firstFailDate', 'dns', 'evidence', 'networkId'].map((name) => [
          name,
          anything,
        ]),
      ),
      ...{ technologyId: fc.integer(), assetId: fc.maxSafeInteger(), owner: anything, qdScore: anything },
    },
    { requiredKeys: [] },
  )
  .map(posture);

test('keeps every value of a stream, as DuckDB and hyparquet read it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someRecord, { minLength: 1, maxLength: 30 }), async (records) => {
      const dir = folder();
      const { failure } = await write(dir, runLines([hostids, ...records]));
      assert.equal(failure, undefined);
      const expected = records.map(rowOf);
      const [file] = filesOf(dir, postures);
      assert.deepEqual(await hyparquet(file as string), expected);
      assert.deepEqual(await duckdb(`FROM read_parquet(${all(dir)}, hive_partitioning = false)`), expected);
    }),
    { numRuns: 8 },
  );
});

test('fills all four tables, with the partitions as columns', async () => {
  const dir = folder();
  const policy = { kind: 'policy', subscriptionId: 94271, id: 7, title: 'CIS', locked: false, tags: ['a'] };
  await write(dir, runLines([policy, hostids, posture(), posture({ hostId: 12, id: 5 })]));
  const partition = { run: '20261128T053000Z', snapshot_date: '2026-11-28', subscription: '94271' };
  const [first] = await duckdb(
    `SELECT id, title, locked, unknown_members, run, snapshot_date, subscription FROM ${all(dir, 'q_pcrs_policy_list')}`,
  );
  assert.deepEqual(first, {
    ...{ id: '7', title: 'CIS', locked: 'false', unknown_members: '{"tags":["a"]}' },
    ...partition,
  });
  assert.deepEqual(await duckdb(`SELECT policyId, hostId FROM ${all(dir, 'q_pcrs_hostids')}`), [
    { policyId: '7', hostId: '11' },
    { policyId: '7', hostId: '12' },
  ]);
  assert.deepEqual(
    await duckdb(
      `SELECT policyId, controlId, technologyId, controlStatement FROM ${all(dir, 'q_pcrs_postureinfo_controls')}`,
    ),
    [{ policyId: '7', controlId: '1080', technologyId: '285', controlStatement: 'Status of ä' }],
  );
});

test('keeps integers of INT64 and refuses larger ones by name', async () => {
  const dir = folder();
  const line = (id: string) => JSON.stringify(posture({ id: 0 })).replace('"id":0', `"id":${id}`);
  await write(
    dir,
    runLines([hostids, line('9223372036854775807'), line('-9223372036854775808'), line('"123"')]),
  );
  const ids = (await duckdb(`SELECT id FROM ${all(dir)}`)).map(({ id }) => id);
  assert.deepEqual(ids, ['9223372036854775807', '-9223372036854775808', '123']);
  for (const id of ['9223372036854775808', '1.5', '"x"', '1e3', '{}']) {
    const { failure } = await write(folder(), runLines([hostids, line(id)]));
    assert.equal((failure as { code?: string }).code, 'PCRS_RECORD');
    assert.match(String(failure?.message), /^stdin:4: id must be /);
  }
});

test('counts what it changed', async () => {
  const dir = folder();
  const changed = [posture({ dns: '\ud800x' }), posture({ hostId: 12, controlStatement: 'other' })];
  const { written } = await write(dir, runLines([hostids, posture(), ...changed]));
  assert.deepEqual(written.problems, { loneSurrogates: 1, differingControls: 1 });
});

test('writes row groups of at most 8 MiB of values, zstd, with statistics and the run in the footer', async () => {
  const dir = folder();
  const records = Array.from({ length: 60 }, (_, index) =>
    posture({ id: index, evidence: `${index}`.repeat(900_000) }),
  );
  await write(dir, runLines([hostids, ...records]), { version: '1.2.3' });
  const [file] = filesOf(dir, postures) as [string];
  const { row_groups, num_rows } = metadataOf(file);
  assert.equal(num_rows, 60n);
  assert.ok(row_groups.length > 1);
  for (const { columns, total_byte_size } of row_groups) {
    assert.ok(total_byte_size <= 8 * 1024 * 1024 + 65536);
    for (const { meta_data } of columns) assert.equal(meta_data?.codec, 'ZSTD');
  }
  const [{ columns }] = row_groups as [(typeof row_groups)[0]];
  assert.deepEqual(columns[0]?.meta_data?.statistics?.min_value, 0n);
  assert.deepEqual(footer(file), {
    ...{ 'pcrs.layout': '1', 'pcrs.run_id': 'r1', 'pcrs.complete': 'true', 'pcrs.base': 'full' },
    ...{ 'pcrs.scope': '{}', 'pcrs.gateway': 'https://gateway.example.com', 'pcrs.version': '1.2.3' },
  });
  assert.deepEqual(
    (await duckdb(`SELECT count(*) n, sum(length(evidence)) l FROM ${all(dir)}`)).map(({ n }) => n),
    ['60'],
  );
});

test('gives each table and run a true _SUCCESS, and denies access to others', async () => {
  const dir = folder();
  const { written } = await write(dir, runLines([hostids, posture()]));
  const successes = globSync('*/*/*/*/_SUCCESS', { cwd: dir });
  assert.equal(successes.length, 4);
  assert.deepEqual(lies(dir), []);
  const success = JSON.parse(
    readFileSync(join(dirname(filesOf(dir, postures)[0] as string), '_SUCCESS'), 'utf8'),
  );
  assert.deepEqual([success.runId, success.base, success.scope, success.complete], ['r1', 'full', {}, true]);
  assert.deepEqual(
    success.files.map(({ rows }: { rows: number }) => rows),
    [1],
  );
  assert.equal(written.files.length, 4);
  for (const { file } of written.files) assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(dir).filter((name) => /^[._]/.test(name)),
    ['_dataset.json'],
  );
});

test('keeps the files of an incomplete run apart', async () => {
  const dir = folder();
  const cut = runLines([hostids, posture()], { end: null });
  const failed = runLines([hostids, posture()], { end: { ok: false, status: 5 } });
  const bad = runLines([hostids, posture(), 'nonsense']);
  for (const [lines, code] of [
    [cut, 'PCRS_INCOMPLETE'],
    [failed, 'PCRS_INCOMPLETE'],
    [bad, 'PCRS_RECORD'],
  ] as const) {
    const { failure, written } = await write(dir, lines);
    assert.equal((failure as { code?: string }).code, code);
    assert.equal(written.complete, false);
    assert.deepEqual(readdirSync(dir), ['_incomplete']);
    const kept = join(dir, '_incomplete', 'run=20261128T053000Z', postures, 'part-00000.parquet');
    assert.equal(footer(kept)['pcrs.complete'], 'false');
    assert.equal((await hyparquet(kept)).length, 1);
    assert.deepEqual(globSync('**/_SUCCESS', { cwd: dir }), []);
  }
  await write(dir, runLines([hostids, posture()]));
  assert.deepEqual(readdirSync(join(dir, '_incomplete')), []);
});

test('refuses a dated run, a delta and reduced records, and stores the first two separately on request', async () => {
  const dir = folder();
  for (const base of ['dated', 'delta']) {
    const lines = runLines([hostids, posture()], { runId: base, start: { base } });
    await assert.rejects(write(dir, lines), { code: 'PCRS_USAGE', message: /--partial/ });
  }
  const reduced = runLines([hostids, posture()], { start: { reduced: true } });
  await assert.rejects(write(dir, reduced), { code: 'PCRS_USAGE', message: /reduced/ });
  assert.deepEqual(readdirSync(dir), []);
  for (const hour of ['05', '06']) {
    const startedAt = `2026-11-28T${hour}:00:00Z`;
    const run = { runId: hour, startedAt, start: { base: 'delta' } };
    await write(dir, runLines([hostids, posture()], run), { partial: true });
  }
  assert.equal(filesOf(dir, `${postures}_delta`).length, 2);
  assert.equal(filesOf(dir, postures).length, 0);
  await write(dir, runLines([hostids, posture()]), { partial: true });
  assert.equal(filesOf(dir, postures).length, 1);
});

test('holds one scope, one gateway, and whole runs if it began with one', async () => {
  const dir = folder();
  const day = (number: number, start: Json = {}, end: Json = {}) =>
    runLines([hostids, posture()], {
      runId: `r${number}`,
      startedAt: `2026-11-0${number}T05:00:00Z`,
      start,
      end,
    });
  await write(dir, day(1));
  const titled = day(2, { scope: { 'pcrs-policies --title': 'PCI' } });
  await assert.rejects(write(dir, titled), {
    code: 'PCRS_USAGE',
    message: /holds all policies; this run has --title PCI/,
  });
  const elsewhere = day(2).map((line) => line.replace('gateway.example.com', 'other.example.com'));
  await assert.rejects(write(dir, elsewhere), { code: 'PCRS_USAGE', message: /other.example.com/ });
  const filtered = day(2, {}, { out: { hostids: 1, posture: 5 } });
  await assert.rejects(write(dir, filtered), { code: 'PCRS_USAGE', message: /a filter dropped records/ });
  const other = folder();
  await write(other, filtered);
  await write(other, day(3));
  assert.equal(filesOf(other, postures).length, 2);
});

test('never lets a reader count a day twice', async () => {
  const dir = folder();
  const run = (runId: string, hour: string) =>
    runLines([hostids, posture()], { runId, startedAt: `2026-11-28T${hour}:00:00Z` });
  await write(dir, run('r1', '05'));
  await assert.rejects(write(dir, run('r1', '05')), { code: 'PCRS_MACHINE', message: /--replace/ });
  await assert.rejects(write(dir, run('r2', '06')), { code: 'PCRS_MACHINE', message: /--supersede/ });
  await write(dir, run('r1', '05'), { replace: true });
  assert.equal(filesOf(dir, postures).length, 1);
  await write(dir, run('r2', '06'), { supersede: true });
  assert.deepEqual(
    filesOf(dir, postures).map((path) => footer(path)['pcrs.run_id']),
    ['r2'],
  );
  assert.equal(globSync('_superseded/*/*/*/*/part-00000.parquet', { cwd: dir }).length, 8);
  await write(dir, runLines([hostids, posture()], { runId: 'r3', startedAt: '2026-11-29T00:00:00Z' }));
  assert.deepEqual(await duckdb(`SELECT count(*) n, count(DISTINCT snapshot_date) d FROM ${all(dir)}`), [
    { n: '2', d: '2' },
  ]);
});

test('refuses a stream without a run, with two runs or two subscriptions, or without a subscription', async () => {
  const dir = folder();
  await assert.rejects(write(dir, [JSON.stringify(posture())]), { code: 'PCRS_INCOMPLETE' });
  await assert.rejects(write(dir, []), { code: 'PCRS_INCOMPLETE' });
  const two = [...runLines([hostids]), ...runLines([hostids], { runId: 'r2' })];
  await assert.rejects(write(dir, two), { code: 'PCRS_USAGE', message: /a second run/ });
  const { failure } = await write(dir, runLines([hostids, { ...hostids, subscriptionId: 5 }]));
  assert.match(String(failure?.message), /is of subscription 5, the run of 94271/);
  await assert.rejects(write(dir, runLines([posture()])), { code: 'PCRS_USAGE', message: /--subscription/ });
  await write(dir, runLines([posture()]), { subscription: '94271' });
});

test('lets one process at a time write, and names what is in the way of a folder', async () => {
  const dir = folder();
  async function* slow() {
    yield Buffer.from(`${runLines([hostids, posture()]).join('\n')}\n`);
    const second = write(dir, runLines([hostids, posture()]));
    await assert.rejects(second, { code: 'PCRS_BUSY' });
  }
  const { toParquet } = await import('./index.ts');
  await toParquet(dir, slow() as AsyncIterable<Uint8Array>);
  const file = join(dirname(dir), 'file');
  writeFileSync(file, '');
  await assert.rejects(write(file, runLines([hostids])), { code: 'PCRS_MACHINE' });
  async function* vanishing() {
    yield Buffer.from(
      `${runLines([hostids, posture()], { runId: 'r9', startedAt: '2027-01-01T00:00:00Z' }).join('\n')}\n`,
    );
    rmSync(dir, { recursive: true });
  }
  await assert.rejects(toParquet(dir, vanishing()), { code: 'PCRS_MACHINE' });
  assert.ok(!existsSync(join(dir, postures)));
});

test('sets a partly published run aside', async () => {
  const dir = folder();
  await write(dir, runLines([hostids, posture()]));
  const [file] = filesOf(dir, postures) as [string];
  rmSync(join(dirname(file), '_SUCCESS'));
  mkdirSync(join(dir, '_writing'));
  writeFileSync(join(dir, '_writing', 'left'), '');
  await write(dir, runLines([hostids, posture()], { runId: 'r2', startedAt: '2026-11-28T07:00:00Z' }), {
    supersede: true,
  });
  assert.deepEqual(
    filesOf(dir, postures).map((path) => footer(path)['pcrs.run_id']),
    ['r2'],
  );
  assert.deepEqual(lies(dir), []);
});

test('reads 30 days as one table, whatever members came and went', async () => {
  const dir = folder();
  for (let day = 1; day <= 30; day += 1) {
    const members = Object.fromEntries(
      Array.from({ length: 5 }, (_, index) => [`member${index}`, day % (index + 2) === 0 ? day : undefined]),
    );
    const startedAt = `2026-11-${String(day).padStart(2, '0')}T05:00:00Z`;
    const varied = day % 2 ? { member0: 'text' } : { networkId: day, evidence: day % 3 ? null : { a: 1 } };
    await write(
      dir,
      runLines([hostids, posture({ ...members, ...varied })], { runId: `r${day}`, startedAt }),
    );
  }
  for (const union of ['true', 'false']) {
    const rows = await duckdb(
      `SELECT count(*) n, count(DISTINCT snapshot_date) d, count(unknown_members) u, sum((unknown_members->>'$.member1')::INT) s FROM read_parquet(${all(dir)}, union_by_name = ${union})`,
    );
    assert.deepEqual(rows, [
      { n: '30', d: '30', u: '30', s: String(3 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10)) },
    ]);
  }
});
