import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emptyDirectory, load, newDatabase, records, run } from './fixture.test.ts';

const bin = fileURLToPath(new URL('../bin/pcrs-status.js', import.meta.url));

function tool(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=pcrs-source', bin, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('writes one record and no message if all is well', async () => {
  const path = newDatabase();
  await load(path, run());
  const { status, stdout, stderr } = tool(path, '--max-age', '9999d');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^\{"kind":"status","path":.*,"complete":true,"base":"full",.*"ok":true,.*\}\n$/);
});

test('ends with 6 and the reason for an incomplete database, and with 8 for one that is too old', async () => {
  const path = newDatabase();
  await load(path, run({ ends: { 'pcrs-posture': null } }));
  const { status, stdout, stderr } = tool(path);
  assert.equal(status, 6);
  assert.equal(JSON.parse(stdout).reasons[0].code, 'broke_off');
  assert.equal(stderr, `pcrs-status: ${path}: run incomplete: pcrs-posture broke off after 1 record\n`);
  const other = newDatabase();
  await load(other, run({ startedAt: '2020-11-20T01:02:03Z' }));
  const old = tool(other, '--max-age', '26h');
  assert.equal(old.status, 8);
  assert.match(old.stderr, /: it is \d+ d( \d+ h)? old, --max-age is 26 h\n$/);
  await load(path, records);
  assert.equal(tool(path).status, 6);
});

test('ends with 6 and a whole page for a missing or empty folder, with 3 for a file that is not a database', () => {
  const directory = emptyDirectory();
  const none = tool(directory);
  assert.deepEqual([none.status, JSON.parse(none.stdout).reasons[0].code], [6, 'no_snapshot']);
  assert.match(none.stderr, /^pcrs-status: .*: no snapshot; pcrs-etl --out .* makes one\n$/);
  const page = tool(join(directory, 'none'), '--format', 'prometheus');
  assert.equal(page.status, 6);
  assert.match(page.stdout, /^pcrs_snapshot_present\{path=".*none"\} 0$/m);
  assert.match(page.stdout, /^pcrs_snapshot_ok\{path=".*none"\} 0$/m);
  assert.equal(tool(bin).status, 3);
  const age = tool(directory, '--max-age', 'soon');
  assert.equal(age.status, 2);
  assert.match(age.stderr, /--max-age must be minutes, hours or days like 90m, 26h or 7d, got soon/);
});

test('a table ends with the verdict, for one folder and for several', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  const { status, stdout } = tool('--format', 'table', directory);
  assert.equal(status, 0);
  assert.match(stdout, /^.*latest\.db: complete, .* old\n\ngateway {2}https/);
  assert.match(stdout, /^scope {4}all policies$/m);
  assert.match(stdout, /\nok: .*: complete, full, \d+ d.* old\n$/);
  const missing = join(directory, 'none');
  const both = tool('--format', 'table', directory, missing);
  assert.equal(both.status, 6);
  assert.equal(both.stdout.trimEnd().split('\n').at(-1), `NOT OK: ${missing}`);
});

test('writes one page of metrics for several folders, by rename', async () => {
  const [first, second] = [emptyDirectory(), emptyDirectory()];
  await load({ snapshot: first }, run());
  await load({ snapshot: second }, run());
  const page = join(first, 'pcrs.prom');
  const { status, stdout } = tool('--format', 'prometheus', '--output', page, first, second);
  assert.deepEqual([status, stdout], [0, '']);
  const lines = readFileSync(page, 'utf8').split('\n');
  const of = (name: string) => lines.filter((line) => line.startsWith(`${name}{`));
  assert.deepEqual(of('pcrs_snapshot_ok'), [
    `pcrs_snapshot_ok{path="${first}"} 1`,
    `pcrs_snapshot_ok{path="${second}"} 1`,
  ]);
  assert.equal(of('pcrs_snapshot_pass_ratio')[0], `pcrs_snapshot_pass_ratio{path="${first}"} 0`);
  assert.equal(lines.filter((line) => line === '# TYPE pcrs_snapshot_ok gauge').length, 1);
  assert.deepEqual(
    readdirSync(first).filter((name) => name.includes('.part')),
    [],
  );
});
