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

test('a dash begins flags, those of the tool and those of every tool', () => {
  assert.deepEqual(of('--f'), ['--format']);
  assert.deepEqual(of('x.db', '--ver'), ['--verbose', '--version']);
});

test('after a flag come its values, in whatever case they are begun', () => {
  assert.deepEqual(of('--format', ''), ['table', 'json']);
  assert.deepEqual(of('--format', 'T'), ['table']);
  assert.deepEqual(of('--profile', 'e'), ['eu']);
});

test('a value after = is completed, whether the shell cuts the word there or not', () => {
  assert.deepEqual(of('--format=j'), ['--format=json']);
  assert.deepEqual(of('--format', '='), ['table', 'json']);
  assert.deepEqual(of('--format', '=', 'j'), ['json']);
});

test('items of a list are completed one by one, none twice', () => {
  assert.deepEqual(of('--status', 'Passed,'), ['Passed,PassedE', 'Passed,Failed']);
  assert.deepEqual(of('--status=Failed,p'), ['--status=Failed,Passed', '--status=Failed,PassedE']);
});

test('file names are left to the shell', () => {
  assert.deepEqual(of('--out', ''), []);
  assert.deepEqual(of(''), []);
  assert.deepEqual(of('--evidence', 'po'), []);
});
