// kill -9 of a sink at random moments of a load: what is left is readable and honest about itself; loading again
// completes it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from 'pcrs-simulator';
import { watchedPlace } from '../support/faults-canary.ts';
import { assertSameRows, type Contents, contentsOf } from '../support/faults-database.ts';
import { countOf, isLong, randomNumbers } from '../support/faults-random.ts';

const kills = countOf('PCRS_SINK_KILLS', 2, 25);
const { seed, next } = randomNumbers();
const world = { seed: 19, policies: 8, hosts: 60, controls: isLong ? 160 : 70, hostsPerPolicy: 20 };
const place = await watchedPlace('faults-sinks', world);
after(() => place.close());

/** The stream of a whole run, some thousand records. */
async function streamOf(gateway: string): Promise<Buffer> {
  const cwd = place.folder();
  const stages = 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --concurrency 1 > stream';
  const ended = await place.bash(`set -o pipefail; ${stages}`, { cwd, env: { PCRS_GATEWAY: gateway } });
  assert.equal(ended.stderr, '');
  return readFileSync(join(cwd, 'stream'));
}

const today = await streamOf(place.simulator.gateway);

/** Feeds a sink with a stream in pieces; with a number, kills it after that many. */
async function load(
  cwd: string,
  command: string,
  stream: Buffer,
  killAfter?: number,
): Promise<number | null> {
  const child = spawn('bash', ['-c', `exec ${command}`], {
    cwd,
    env: place.env,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => {});
  child.stderr.resume();
  for (let piece = 0; piece < pieces; piece += 1) {
    if (piece === killAfter) {
      // Somewhere between the previous piece and its effect.
      await sleep(next() * 40);
      child.kill('SIGKILL');
      return ended;
    }
    const size = Math.ceil(stream.length / pieces);
    await new Promise((resolve) =>
      child.stdin.write(stream.subarray(piece * size, (piece + 1) * size), resolve),
    );
  }
  child.stdin.end();
  if (killAfter === pieces) {
    await sleep(next() * 60);
    child.kill('SIGKILL');
  }
  return ended;
}

const pieces = 24;
const anyPiece = () => 1 + Math.floor(next() * pieces);

async function loaded(...streams: Buffer[]): Promise<Contents> {
  const cwd = place.folder();
  for (const stream of streams) assert.equal(await load(cwd, 'pcrs-to-sqlite out.db', stream), 0);
  return contentsOf(join(cwd, 'out.db'));
}

const reference = await loaded(today);

suite(`a sink killed at random (PCRS_SEED=${seed})`, () => {
  test('a new database is readable, counts what it holds, and does not claim to be complete', {
    timeout: 30 * 60_000,
  }, async () => {
    for (let kill = 0; kill < kills; kill += 1) {
      const cwd = place.folder();
      const status = await load(cwd, 'pcrs-to-sqlite out.db', today, anyPiece());
      const path = join(cwd, 'out.db');
      if (status === null && existsSync(path) && readFileSync(path).includes('q_pcrs_status')) {
        const contents = contentsOf(path);
        checkReadable(contents, reference);
        checkCounts(contents);
      }
      assert.equal(await load(cwd, 'pcrs-to-sqlite out.db', today), 0);
      checkWhole(contentsOf(path), reference);
    }
  });

  test('a database that was complete yesterday is a declared mixture, and complete again after the next load', {
    timeout: 30 * 60_000,
  }, async () => {
    const simulator = await startSimulator({ ...world, day: 1, rateLimit: 'off' });
    try {
      // A database holds one gateway: tomorrow's records come from the same one.
      const stream = await streamOf(simulator.gateway);
      const tomorrow = Buffer.from(stream.toString().replaceAll(simulator.gateway, place.simulator.gateway));
      const both = await loaded(today, tomorrow);
      for (let kill = 0; kill < kills; kill += 1) {
        const cwd = place.folder();
        const path = join(cwd, 'out.db');
        assert.equal(await load(cwd, 'pcrs-to-sqlite out.db', today), 0);
        const status = await load(cwd, 'pcrs-to-sqlite out.db', tomorrow, anyPiece());
        if (status === null) checkMixture(contentsOf(path), both);
        assert.equal(await load(cwd, 'pcrs-to-sqlite out.db', tomorrow), 0);
        checkWhole(contentsOf(path), both);
      }
    } finally {
      await simulator.close();
    }
  });

  test('an unfinished snapshot is not published', { timeout: 30 * 60_000 }, async () => {
    for (let kill = 0; kill < kills; kill += 1) {
      const cwd = place.folder();
      const status = await load(cwd, 'pcrs-to-sqlite --snapshot snapshots', today, anyPiece());
      const folder = join(cwd, 'snapshots');
      const published = () =>
        existsSync(folder) ? readdirSync(folder).filter((name) => /^pcrs_\w+\.db$/.test(name)) : [];
      if (status === null && published().length > 0)
        checkWhole(contentsOf(join(folder, published()[0]!)), reference);
      assert.equal(await load(cwd, 'pcrs-to-sqlite --snapshot snapshots', today), 0);
      assert.deepEqual(published().length, 1);
      assert.equal(readlinkSync(join(folder, 'latest.db')), published()[0]);
      checkWhole(contentsOf(join(folder, 'latest.db')), reference);
    }
  });

  test('CSV files keep their old content, or are whole', { timeout: 30 * 60_000 }, async () => {
    const good = place.folder();
    assert.equal(await load(good, 'pcrs-to-csv --dir out', today), 0);
    const whole = csvFiles(join(good, 'out'));
    assert.ok(whole['posture.csv']!.length > 100_000);
    for (let kill = 0; kill < kills; kill += 1) {
      const cwd = place.folder();
      const folder = join(cwd, 'out');
      mkdirSync(folder);
      await load(cwd, 'pcrs-to-csv --dir out', today, anyPiece());
      for (const [name, text] of Object.entries(csvFiles(folder)))
        assert.equal(text, whole[name], `${name} is whole`);
      assert.equal(await load(cwd, 'pcrs-to-csv --dir out', today), 0);
      await load(cwd, 'pcrs-to-csv --dir out', today, anyPiece());
      assert.deepEqual(csvFiles(folder), whole);
    }
  });
});

function csvFiles(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => /^[a-z]+\.csv$/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

function checkReadable(contents: Contents, due: Contents): void {
  assert.equal(contents.integrity, 'ok');
  const claims =
    'ALL_TABLES_LOADED_SUCCESSFULLY' in contents.status || contents.status['LOAD']?.state === 'complete';
  if (claims) assertSameRows(contents, due);
  else assert.equal(contents.status['LOAD']?.state, 'loading');
}

/** In a database made by one load, the rows equal the counts in the tables' status. */
function checkCounts({ status, rows }: Contents): void {
  for (const [table, found] of Object.entries(rows)) {
    assert.equal(status[table]?.TOTAL_ROWS_ADDED, found.length, `rows of ${table}`);
  }
}

function checkMixture(contents: Contents, both: Contents): void {
  checkReadable(contents, both);
  assert.ok(
    contents.rows.q_pcrs_postureinfo.length >= reference.rows.q_pcrs_postureinfo.length,
    'nothing is lost',
  );
  const known = new Set([...reference.rows.q_pcrs_postureinfo, ...both.rows.q_pcrs_postureinfo]);
  const strange = contents.rows.q_pcrs_postureinfo.filter((row) => !known.has(row));
  // A column that the second load added is missing in the rows of the first.
  assert.deepEqual(strange, []);
}

function checkWhole(contents: Contents, due: Contents): void {
  assert.equal(contents.integrity, 'ok');
  assertSameRows(contents, due);
  assert.ok('ALL_TABLES_LOADED_SUCCESSFULLY' in contents.status);
}
