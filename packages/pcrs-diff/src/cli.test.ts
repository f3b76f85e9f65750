import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { database, emptyDirectory, posture } from './fixture.test.ts';

const bin = fileURLToPath(new URL('../bin/pcrs-diff.js', import.meta.url));
const posix = { skip: process.platform === 'win32' ? 'needs a POSIX shell' : false };

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a bash command line that starts with `pcrs-diff`. */
function shell(line: string): Promise<Ended> {
  const command = line.replace(/^pcrs-diff(?= )/, `"${process.execPath}" --conditions=pcrs-source "${bin}"`);
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

async function pair(): Promise<[string, string]> {
  const directory = emptyDirectory();
  const statuses = (...list: string[]) =>
    list.map((status, id) => ({ ...posture, id, instance: `i${id}`, status }));
  return [
    await database(statuses('Passed', 'Failed', 'Failed'), { path: join(directory, 'old.db') }),
    await database(statuses('Failed', 'Passed', 'Failed', 'Failed'), { path: join(directory, 'new.db') }),
  ];
}

test('writes the changes as a new run', posix, async () => {
  const { status, stdout, stderr } = await shell(`pcrs-diff ${(await pair()).join(' ')}`);
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .map(({ kind, change }) => change ?? kind),
    ['session', 'start', 'newly_failed', 'fixed', 'appeared', 'end'],
  );
});

test('writes a summary record on request, and a summary in words with --verbose', posix, async () => {
  const { status, stdout, stderr } = await shell(`pcrs-diff --summary --verbose ${(await pair()).join(' ')}`);
  assert.equal(status, 0);
  const summary = JSON.parse(stdout);
  assert.equal(summary.kind, 'change-summary');
  assert.deepEqual(summary.changes, {
    newly_failed: 1,
    fixed: 1,
    status_changed: 0,
    appeared: 1,
    vanished: 0,
    control_added: 0,
    control_removed: 0,
  });
  assert.deepEqual([summary.old.postures, summary.new.postures], [3, 4]);
  assert.equal(
    stderr,
    [
      '1 newly failed, 1 fixed, 0 status changed otherwise, 1 appeared, 0 vanished, 0 controls added, 0 controls removed; of 3 and 4 postures',
      'pass rate 33.3333 % before, 25.0000 % now: -8.3333 points',
      ' -25.0000 1 newly failed: 1 control on 1 host',
      ' +25.0000 1 fixed: 1 control on 1 host',
      ' -8.3333 1 posture appeared or vanished alone',
      ' policy 85361 CIS - Microsoft Windows 11, v1.2.0: 1 newly failed, 1 fixed, 1 appeared',
      ' host 609153601 192.0.2.14 ws-0013: 1 newly failed, 1 fixed, 1 appeared',
      " control 10091 Status of the 'Prevent installation' setting: 1 newly failed, 1 fixed, 1 appeared",
      ' criticality SERIOUS: 1 newly failed, 1 fixed, 1 appeared',
    ]
      .map((line) => `pcrs-diff: ${line}\n`)
      .join(''),
  );
});

test('ends with 8 on request if anything newly failed, otherwise with 0', posix, async () => {
  const [old, now] = await pair();
  const worse = await shell(`pcrs-diff --exit-code ${old} ${now}`);
  assert.deepEqual([worse.status, worse.stderr], [8, 'pcrs-diff: 2 new failures (--exit-code)\n']);
  assert.equal(worse.stdout.split('\n').length, 7);
  assert.equal((await shell(`pcrs-diff --exit-code ${now} ${now}`)).status, 0);
  const blind = await shell(`pcrs-diff --exit-code --change fixed ${old} ${now}`);
  assert.deepEqual(blind, {
    status: 2,
    stdout: '',
    stderr: 'pcrs-diff: --exit-code also checks newly_failed, which --change excludes\n',
  });
});

test('accepts the words of --change with dashes too, and names unknown ones', posix, async () => {
  const [old, now] = await pair();
  const { stdout } = await shell(`pcrs-diff --change newly-failed,FIXED ${old} ${now}`);
  assert.equal(stdout.split('\n').length, 6);
  const { status, stderr } = await shell(`pcrs-diff --change broken ${old} ${now}`);
  assert.equal(status, 2);
  assert.match(stderr, /--change must be one of newly_failed, .*, control_removed, got broken/);
});

test('requires two databases', posix, async () => {
  const { status, stderr } = await shell(`pcrs-diff ${(await pair())[0]}`);
  assert.equal(status, 2);
  assert.match(stderr, /^pcrs-diff: give two databases, or a folder with --since or --cursor/);
});

test('ends with 0 if its reader goes away', posix, async () => {
  const directory = emptyDirectory();
  const many = Array.from({ length: 3000 }, (_, id) => ({
    ...posture,
    id,
    instance: `i${id}`,
    dns: 'x'.repeat(200),
  }));
  const old = await database([], { path: join(directory, 'old.db') });
  const now = await database(many, { path: join(directory, 'new.db') });
  const { status, stdout, stderr } = await shell(`pcrs-diff ${old} ${now} | head -1`);
  assert.deepEqual([status, stderr, stdout.split('\n').length], [0, '', 2]);
});

/** Snapshots of three days in a folder; on the last day one more posture fails. */
async function folder(): Promise<string> {
  const directory = emptyDirectory();
  const days = ['2026-11-10', '2026-11-16', '2026-11-17'];
  for (const [at, day] of days.entries()) {
    const records = [0, 1, 2].map((id) => ({
      ...posture,
      id,
      instance: `i${id}`,
      status: id < at ? 'Failed' : 'Passed',
    }));
    const path = join(directory, `pcrs_${day.replaceAll('-', '')}T010203Z.db`);
    await database(records, { path, startedAt: `${day}T01:02:03Z` });
  }
  return directory;
}

const changesIn = (stdout: string) =>
  stdout.split('\n').filter((line) => line.startsWith('{"kind":"change"'));

test("takes the run nearest to a given time before a folder's newest one", posix, async () => {
  const directory = await folder();
  assert.equal(changesIn((await shell(`pcrs-diff --since 1d ${directory}`)).stdout).length, 1);
  assert.equal(changesIn((await shell(`pcrs-diff --since 7d ${directory}`)).stdout).length, 2);
});

test('delivers each change once with a cursor that its caller advances', posix, async () => {
  const directory = await folder();
  const cursor = join(emptyDirectory(), 'sent.json');
  const first = await shell(`pcrs-diff --cursor ${cursor} ${directory} && mv ${cursor}.next ${cursor}`);
  assert.deepEqual([first.status, changesIn(first.stdout).length], [0, 0]);
  const records = [0, 1, 2].map((id) => ({ ...posture, id, instance: `i${id}`, status: 'Failed' }));
  await database(records, {
    path: join(directory, 'pcrs_20261118T010203Z.db'),
    startedAt: '2026-11-18T01:02:03Z',
  });
  const undelivered = await shell(`pcrs-diff --cursor ${cursor} ${directory}`);
  assert.equal(changesIn(undelivered.stdout).length, 1);
  const again = await shell(`pcrs-diff --cursor ${cursor} ${directory} && mv ${cursor}.next ${cursor}`);
  assert.deepEqual(changesIn(again.stdout), changesIn(undelivered.stdout));
  assert.equal(changesIn((await shell(`pcrs-diff --cursor ${cursor} ${directory}`)).stdout).length, 0);
});
