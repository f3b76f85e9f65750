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

/** Runs a line of bash that begins with `pcrs-diff`. */
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
  const statuses = (...list: string[]) => list.map((status, id) => ({ ...posture, id, status }));
  return [
    await database(statuses('Passed', 'Failed', 'Failed'), { path: join(directory, 'old.db') }),
    await database(statuses('Failed', 'Passed', 'Failed', 'Failed'), { path: join(directory, 'new.db') }),
  ];
}

test('writes the changes and nothing else', posix, async () => {
  const { status, stdout, stderr } = await shell(`pcrs-diff ${(await pair()).join(' ')}`);
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).change),
    ['newly_failed', 'fixed', 'appeared'],
  );
});

test('sums up in a record on request, and in words with --verbose', posix, async () => {
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
  });
  assert.deepEqual([summary.old.postures, summary.new.postures], [3, 4]);
  assert.equal(
    stderr,
    [
      '1 newly failed, 1 fixed, 0 status changed otherwise, 1 appeared, 0 vanished; of 3 and 4 postures',
      '  policy 85361 CIS - Microsoft Windows 11, v1.2.0: 1 newly failed, 1 fixed, 1 appeared',
      '  host 609153601 192.0.2.14 ws-0013: 1 newly failed, 1 fixed, 1 appeared',
      "  control 10091 Status of the 'Prevent installation' setting: 1 newly failed, 1 fixed, 1 appeared",
      '  criticality SERIOUS: 1 newly failed, 1 fixed, 1 appeared',
    ]
      .map((line) => `pcrs-diff: ${line}\n`)
      .join(''),
  );
});

test('ends with 8 on request when something newly failed, else with 0', posix, async () => {
  const [old, now] = await pair();
  const worse = await shell(`pcrs-diff --exit-code ${old} ${now}`);
  assert.deepEqual([worse.status, worse.stderr], [8, 'pcrs-diff: 1 newly failed (--exit-code)\n']);
  assert.equal(worse.stdout.split('\n').length, 4);
  assert.equal((await shell(`pcrs-diff --exit-code ${now} ${now}`)).status, 0);
  assert.equal((await shell(`pcrs-diff --exit-code --policy 1 ${old} ${now}`)).status, 0);
  const blind = await shell(`pcrs-diff --exit-code --kind fixed ${old} ${now}`);
  assert.deepEqual(blind, {
    status: 2,
    stdout: '',
    stderr: 'pcrs-diff: --exit-code looks for newly_failed, which --kind leaves out\n',
  });
});

test('takes the words of --kind with dashes too, and names those it does not know', posix, async () => {
  const [old, now] = await pair();
  const { stdout } = await shell(`pcrs-diff --kind newly-failed,FIXED ${old} ${now}`);
  assert.equal(stdout.split('\n').length, 3);
  const { status, stderr } = await shell(`pcrs-diff --kind broken ${old} ${now}`);
  assert.equal(status, 2);
  assert.match(stderr, /--kind must be of newly_failed, .*, vanished, got broken/);
});

test('wants two databases', posix, async () => {
  const { status, stderr } = await shell(`pcrs-diff ${(await pair())[0]}`);
  assert.equal(status, 2);
  assert.match(stderr, /^pcrs-diff: NEW is missing/);
});

test('ends with 0 when its reader goes away', posix, async () => {
  const directory = emptyDirectory();
  const many = Array.from({ length: 3000 }, (_, id) => ({ ...posture, id, dns: 'x'.repeat(200) }));
  const old = await database([], { path: join(directory, 'old.db') });
  const now = await database(many, { path: join(directory, 'new.db') });
  const { status, stdout, stderr } = await shell(`pcrs-diff ${old} ${now} | head -1`);
  assert.deepEqual([status, stderr, stdout.split('\n').length], [0, '', 2]);
});
