import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates } from './candidates.ts';
import { flag } from './flags.ts';

const tool = {
  flags: {
    format: flag.choice(['table', 'json'], { describe: 'f' }),
    status: flag.list({ describe: 's', suggestions: ['Passed', 'PassedE', 'Failed'] }),
    out: flag.text({ describe: 'o', value: 'DIR' }),
    evidence: flag.boolean({ describe: 'e' }),
  },
};
const of = (...words: string[]) => candidates(tool, words, () => ['default', 'eu']);

test("a dash completes to the tool's flags and the common flags", () => {
  assert.deepEqual(of('--f'), ['--format']);
  assert.deepEqual(of('x.db', '--ver'), ['--verbose', '--version']);
});

test("completes a flag's values, whatever case they are typed in", () => {
  assert.deepEqual(of('--format', ''), ['table', 'json']);
  assert.deepEqual(of('--format', 'T'), ['table']);
  assert.deepEqual(of('--profile', 'e'), ['eu']);
});

test('completes a value after =, whether or not the shell splits the word there', () => {
  assert.deepEqual(of('--format=j'), ['--format=json']);
  assert.deepEqual(of('--format', '='), ['table', 'json']);
  assert.deepEqual(of('--format', '=', 'j'), ['json']);
});

test('completes list items one by one, none twice', () => {
  assert.deepEqual(of('--status', 'Passed,'), ['Passed,PassedE', 'Passed,Failed']);
  assert.deepEqual(of('--status=Failed,p'), ['--status=Failed,Passed', '--status=Failed,PassedE']);
});

test('leaves file names to the shell', () => {
  assert.deepEqual(of('--out', ''), []);
  assert.deepEqual(of(''), []);
  assert.deepEqual(of('--evidence', 'po'), []);
});
