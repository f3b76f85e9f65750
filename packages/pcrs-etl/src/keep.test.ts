import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stampOf } from 'pcrs-records/moments';
import { removeOldRuns } from './keep.ts';
import type { KeepRule } from './keep-rule.ts';
import { newRunFolder, type RunFolder, type RunPlan } from './run-folder.ts';
import { type Series, seriesOf } from './series.ts';

const Sqlite = createRequire(new URL('../../pcrs-database/package.json', import.meta.url))('better-sqlite3');
const root = mkdtempSync(join(tmpdir(), 'pcrs-keep-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;

/** A folder of runs, each with snapshot, archive and CSV files, as pcrs-etl leaves it. */
function outputFolder() {
  folders += 1;
  const out = join(root, String(folders));
  mkdirSync(out);
  let order = 0;
  const add = (
    series: Series,
    day: string,
    more: Partial<RunPlan> & { finished?: boolean } = {},
  ): RunFolder => {
    const { finished = true, ...plan } = more;
    const startedAt = `2026-11-${day}T03:00:00.000Z`;
    order += 1;
    const session: RunPlan['session'] = {
      kind: 'session',
      ...{ runId: `run ${order}`, gateway: 'https://g', username: 'u' },
      ...{ tokenFile: null, expiresAt: null, startedAt },
    };
    const stamp = stampOf(startedAt);
    const run = newRunFolder(out, {
      ...{ contract: 2, name: series.name ?? null, order, stamp, session, mode: 'full', since: null },
      ...{ base: null, fullAt: startedAt, scope: {}, selection: {}, ...plan },
    })!;
    mkdirSync(join(run.path, 'pcrs-posture'));
    for (const file of ['manifest.ndjson', '000001-0123456789ab.json.gz'])
      writeFileSync(join(run.path, 'pcrs-posture', file), '');
    const state = finished ? 'complete' : 'incomplete';
    const db = new Sqlite(series.snapshot(stamp, state));
    db.exec(
      'CREATE TABLE q_pcrs_status (STATUS_NAME, STATUS_DETAIL, LAST_BATCH_PROCESSED, Row_Last_Updated)',
    );
    const load = JSON.stringify({ state: 'complete', runId: session.runId });
    db.prepare('INSERT INTO q_pcrs_status VALUES (?, ?, 0, 0)').run('LOAD', load);
    db.close();
    if (!finished) return run;
    const csv = series.beside('csv', stamp);
    mkdirSync(csv);
    writeFileSync(join(csv, 'posture.csv'), '');
    const made = [{ kind: 'loaded' }, { kind: 'written', files: [{ file: join('d', csv, 'posture.csv') }] }];
    writeFileSync(join(run.path, 'run.ndjson'), made.map((record) => `${JSON.stringify(record)}\n`).join(''));
    rmSync(series.latest('.db'), { force: true });
    symlinkSync(series.snapshot(stamp).slice(out.length + 1), series.latest('.db'));
    return { ...run, made };
  };
  const keep = (series: Series, rule: KeepRule, made: RunFolder) =>
    removeOldRuns(series, rule, made, () => {});
  return { out, add, keep, names: () => readdirSync(out).sort() };
}

const filesOf = (day: string, name = '') => [
  `archive_202611${day}T030000Z`,
  `csv_${name}202611${day}T030000Z`,
  `pcrs_${name}202611${day}T030000Z.db`,
];

test('keeps the newest complete runs of its own series, and removes everything that older ones made', async () => {
  const { out, add, keep, names } = outputFolder();
  const [plain, other] = [seriesOf(out, undefined), seriesOf(out, 'emea')];
  add(other, '01');
  add(plain, '02');
  add(plain, '03', { finished: false });
  add(plain, '04');
  const last = add(plain, '05');
  assert.deepEqual(await keep(plain, { runs: 2 }, last), { runs: 2, foreign: [] });
  const due = [...filesOf('01', 'emea_'), ...filesOf('04'), ...filesOf('05'), 'latest.db', 'latest_emea.db'];
  assert.deepEqual(names(), due.sort());
});

test('a clock that was set back removes neither the new run nor the one behind latest.db', async () => {
  const { out, add, keep, names } = outputFolder();
  const series = seriesOf(out, undefined);
  add(series, '20');
  const last = add(series, '02');
  await keep(series, { runs: 1 }, last);
  assert.deepEqual(names(), [...filesOf('02'), 'latest.db'].sort());
  const { out: second, add: addThere, keep: keepThere, names: there } = outputFolder();
  const other = seriesOf(second, undefined);
  addThere(other, '20');
  const older = addThere(other, '02');
  rmSync(other.latest('.db'));
  symlinkSync('pcrs_20261120T030000Z.db', other.latest('.db'));
  await keepThere(other, { runs: 1 }, older);
  assert.deepEqual(there(), [...filesOf('02'), ...filesOf('20'), 'latest.db'].sort());
});

test('keeps the archives that a kept delta depends on, and removes their snapshots', async () => {
  const { out, add, keep, names } = outputFolder();
  const series = seriesOf(out, undefined);
  add(series, '01');
  const full = add(series, '02');
  const delta = add(series, '03', { mode: 'incremental', base: full.plan.stamp });
  const last = add(series, '04', { mode: 'incremental', base: delta.plan.stamp });
  assert.equal((await keep(series, { runs: 1 }, last)).runs, 1);
  const archives = ['archive_20261102T030000Z', 'archive_20261103T030000Z'];
  assert.deepEqual(names(), [...archives, ...filesOf('04'), 'latest.db'].sort());
});

test("keeps a user's copies and files put into our folders, and does not fail on them", async () => {
  const { out, add, keep, names } = outputFolder();
  const series = seriesOf(out, undefined);
  const old = add(series, '01');
  const copy = `${old.path}.bak`;
  mkdirSync(copy);
  writeFileSync(join(copy, 'run.json'), JSON.stringify(old.plan));
  writeFileSync(join(old.path, 'pcrs-posture', 'notes.txt'), 'mine');
  writeFileSync(join(out, 'csv_20261101T030000Z', 'pivot.xlsx'), 'mine');
  rmSync(series.snapshot(old.plan.stamp));
  writeFileSync(series.snapshot(old.plan.stamp), 'a file of mine under that name');
  const last = add(series, '02');
  const { foreign } = await keep(series, { runs: 1 }, last);
  assert.ok(foreign.includes(join(old.path, 'pcrs-posture', 'notes.txt')), foreign.join());
  assert.ok(foreign.includes(join(out, 'csv_20261101T030000Z', 'pivot.xlsx')), foreign.join());
  assert.deepEqual(readdirSync(old.path), ['pcrs-posture']);
  assert.deepEqual(
    names(),
    [...filesOf('01'), 'archive_20261101T030000Z.bak', ...filesOf('02'), 'latest.db'].sort(),
  );
});

test("leaves alone folders that the user moved elsewhere, and folders with our files' names", async () => {
  const { out, add, keep } = outputFolder();
  const series = seriesOf(out, undefined);
  const [moved, odd] = [add(series, '01'), add(series, '02')];
  const elsewhere = join(root, 'elsewhere');
  renameSync(moved.path, elsewhere);
  symlinkSync(elsewhere, moved.path);
  mkdirSync(join(odd.path, 'pcrs-posture', 'SHA256SUMS'));
  const before = readdirSync(elsewhere).sort();
  for (const day of ['03', '04']) {
    const { foreign } = await keep(series, { runs: 1 }, add(series, day));
    assert.ok(foreign.includes(moved.path), foreign.join());
  }
  assert.deepEqual(readdirSync(elsewhere).sort(), before);
  assert.deepEqual(readdirSync(odd.path), ['pcrs-posture']);
});

test('by age, keeps young runs, and removes nothing if a wrong clock makes all of them old', async () => {
  const { out, add, keep, names } = outputFolder();
  const series = seriesOf(out, undefined);
  for (const day of ['01', '02', '10']) add(series, day);
  const last = add(series, '11');
  assert.equal((await keep(series, { withinMs: 5 * 86_400_000 }, last)).runs, 2);
  assert.deepEqual(names(), [...filesOf('10'), ...filesOf('11'), 'latest.db'].sort());
  const far = add(series, '30');
  const { runs, warning } = await keep(series, { withinMs: 5 * 86_400_000 }, far);
  assert.equal(runs, 0);
  assert.match(warning!, /is the clock right/);
});

test('a lost lock ends the removal before the next file', async () => {
  const { out, add, names } = outputFolder();
  const series = seriesOf(out, undefined);
  add(series, '01');
  const last = add(series, '02');
  const before = names();
  await assert.rejects(
    removeOldRuns(series, { runs: 1 }, last, () => {
      throw new Error('lost');
    }),
    /lost/,
  );
  assert.deepEqual(names(), before);
});
