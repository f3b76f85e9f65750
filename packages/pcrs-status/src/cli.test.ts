import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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

test('writes one record and says nothing where all is well', async () => {
  const path = newDatabase();
  await load(path, run());
  const { status, stdout, stderr } = tool(path, '--max-age', '9999d');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^\{"kind":"status","database":.*,"complete":true,"ok":true,.*\}\n$/);
});

test('ends with 6 and the reason for a database that is not complete, or too old', async () => {
  const path = newDatabase();
  await load(path, run({ ends: { 'pcrs-posture': null } }));
  const { status, stdout, stderr } = tool(path);
  assert.equal(status, 6);
  assert.equal(JSON.parse(stdout).reasons[0].code, 'broke_off');
  assert.equal(stderr, `pcrs-status: ${path}: run incomplete: pcrs-posture broke off after 1 records\n`);
  await load(path, run({ startedAt: '2020-11-20T01:02:03Z' }));
  const old = tool(path, '--max-age', '26h');
  assert.equal(old.status, 6);
  assert.match(old.stderr, /: it is \d+ d( \d+ h)? old, --max-age is 26 h\n$/);
  await load(path, records);
  assert.equal(tool(path).status, 6);
});

test('ends with 7 where there is no snapshot, with 3 for what is no database, with 2 for a bad age', () => {
  const directory = emptyDirectory();
  const none = tool(directory);
  assert.deepEqual([none.status, none.stdout], [7, '']);
  assert.match(none.stderr, /^pcrs-status: .*: no snapshot; pcrs-etl --out .* makes one\n$/);
  assert.equal(tool(join(directory, 'none.db')).status, 7);
  assert.equal(tool(bin).status, 3);
  const age = tool(directory, '--max-age', 'soon');
  assert.equal(age.status, 2);
  assert.match(age.stderr, /--max-age must be minutes, hours or days like 90m, 26h or 7d, got soon/);
});

test('writes a table on request', async () => {
  const directory = emptyDirectory();
  await load({ snapshot: directory }, run());
  const { status, stdout } = tool('--table', directory);
  assert.equal(status, 0);
  assert.match(stdout, /^.*latest\.db: complete, .* old\n\ngateway {2}https/);
  assert.ok(stdout.split('\n').every((line, index) => index === 0 || line.length <= 80));
});
