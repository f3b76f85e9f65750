import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPlace } from './support/open-place.ts';
import { run } from './support/programs.ts';

const place = await openPlace('demo');

test('pcrs demo fills an empty folder, and every command that it suggests works', async () => {
  const cwd = place.folder();
  const demo = await run('pcrs', ['demo'], { cwd, env: place.env, limitMs: 230_000 });
  assert.equal(demo.status, 0, demo.stderr);
  const made = readdirSync(join(cwd, 'pcrs-demo'));
  assert.equal(made.filter((name) => /^pcrs_\d{8}T\d{6}Z\.db$/.test(name)).length, 7);
  for (const name of ['latest.db', 'latest_csv', 'latest_report.html', 'history.db'])
    assert.ok(made.includes(name), `${name} is not among ${made}`);
  assert.match(demo.stdout, /^The report: pcrs-demo\/latest_report\.html /m);
  const report = readFileSync(join(cwd, 'pcrs-demo', 'latest_report.html'), 'utf8');
  assert.match(report, /^<!doctype html>/i);
  const trend = /The trend as a table.*?<tbody>(.*?)<\/tbody>/s.exec(report)?.[1] ?? '';
  assert.equal(trend.match(/<tr>/g)?.length, 7, 'a run a day, for a week');

  const steps = demo.stdout.slice(demo.stdout.indexOf('Try next:')).match(/^ {2}pcrs .+$/gm) ?? [];
  assert.equal(steps.length, 5);
  for (const step of steps) {
    const ended = await run('bash', ['-euo', 'pipefail', '-c', step], { cwd, env: place.env });
    assert.equal(ended.status, 0, `${step}\n${ended.stderr}`);
    assert.ok(ended.stdout !== '' || step.includes(' > '), step);
  }
  for (const file of ['failed.csv', 'executive.html']) assert.ok(existsSync(join(cwd, file)), file);
});

test('pcrs demo refuses a folder that is not empty', async () => {
  const cwd = place.folder();
  await run('bash', ['-c', 'mkdir pcrs-demo; touch pcrs-demo/mine'], { cwd, env: place.env });
  const { status, stderr } = await run('pcrs', ['demo'], { cwd, env: place.env });
  assert.equal(status, 2);
  assert.equal(
    stderr,
    'pcrs demo: pcrs-demo is not empty; remove it, or choose another folder: pcrs demo DIR\n',
  );
});

test('a misspelt tool is refused with the nearest name', async () => {
  const { status, stderr } = await run('pcrs', ['elt', '--out', 'x'], {
    cwd: place.folder(),
    env: place.env,
  });
  assert.equal(status, 2);
  assert.equal(stderr, 'pcrs: there is no tool elt; did you mean pcrs etl?\n');
});

test('a tool under its short name behaves the same, status and messages included', async () => {
  const env = place.env;
  const long = await run('pcrs-to-csv', ['--columns', 'x', '--kind', 'posture'], {
    cwd: place.folder(),
    env,
  });
  const short = await run('pcrs', ['to-csv', '--columns', 'x', '--kind', 'posture'], {
    cwd: place.folder(),
    env,
  });
  assert.deepEqual(short, long);
});
