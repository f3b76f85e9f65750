import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonFlags } from 'pcrs-cli/common-flags';
import type { Flags } from 'pcrs-cli/flags';
import { argumentsFor, passedFlags, passedTo, selectionOf, variablesFor } from './passed-flags.ts';

const tools = ['pcrs-auth', 'pcrs-policies', 'pcrs-hostids', 'pcrs-posture', 'pcrs-to-sqlite'];
/** Tools that make something from the snapshot have their own flags. */
const makers = ['pcrs-from-sqlite', 'pcrs-to-csv', 'pcrs-to-history', 'pcrs-report'];
const tables = new Map<string, Flags>(
  await Promise.all(
    [...tools, ...makers].map(
      async (name) => [name, { ...(await import(`${name}/cli`)).tool.flags, ...commonFlags }] as const,
    ),
  ),
);

test('every passed flag exists in its tool', () => {
  for (const [name, { tools: targets, as = name }] of Object.entries(passedTo)) {
    for (const target of targets) assert.ok(tables.get(target)?.[as], `${target} --${as}`);
  }
});

test('every flag that pcrs-etl takes for the stages is passed to one', () => {
  assert.deepEqual(
    Object.keys(passedFlags).filter((name) => !(name in passedTo)),
    [],
  );
});

test('a flag that several stages have goes to each of them', () => {
  const differs = new Set([
    'archive',
    'resume',
    'untagged',
    'skip-bad',
    'api-version',
    'allow-empty',
    'no-stdin',
    'concurrency',
  ]);
  for (const [name, { tools: targets }] of Object.entries(passedTo)) {
    const having = tools.filter((tool) => tables.get(tool)?.[name]);
    if (!differs.has(name))
      assert.deepEqual(
        having.filter((tool) => !targets.includes(tool)),
        [],
        name,
      );
  }
});

test('passes a flag as given, under its name there', () => {
  const given = new Map<string, unknown>([
    ['id', ['1', '2']],
    ['evidence', true],
    ['rate', { requests: 5, seconds: 1 }],
    ['list-api-version', '1.0'],
    ['strict', false],
  ]);
  assert.deepEqual(argumentsFor('pcrs-policies', given), ['--id=1,2', '--rate=5/1', '--api-version=1.0']);
  assert.deepEqual(argumentsFor('pcrs-posture', given), ['--evidence', '--rate=5/1']);
  assert.deepEqual(argumentsFor('pcrs-to-sqlite', given), []);
});

test('passes secrets in the environment', () => {
  const given = new Map([
    ['password-command', 'pass show x'],
    ['proxy', 'http://a:b@c'],
  ]);
  assert.deepEqual(argumentsFor('pcrs-auth', given), []);
  assert.deepEqual(variablesFor(given), { PCRS_PASSWORD_COMMAND: 'pass show x', PCRS_PROXY: 'http://a:b@c' });
});

test('the selection changes with flags that decide on records, not with those that only tune', () => {
  const selection = (given: [string, unknown][], profile = {}, env = {}) =>
    selectionOf(new Map(given), profile, env);
  const usual = selection([]);
  assert.notDeepEqual(selection([['evidence', true]]), usual);
  assert.notDeepEqual(selection([], { 'pcrs-posture': { evidence: true } }), usual);
  assert.notDeepEqual(selection([], {}, { PCRS_POSTURE_EVIDENCE: '1' }), usual);
  assert.notDeepEqual(selection([], {}, { PCRS_API_VERSION: '4.0' }), usual);
  assert.deepEqual(
    selection(
      [
        ['timeout', 5],
        ['quiet', true],
      ],
      { rate: '5/1' },
      { PCRS_POSTURE_TIMEOUT: '5', PCRS_PASSWORD: 'x' },
    ),
    usual,
  );
});

test('refuses an invalid pattern before any request', () => {
  assert.throws(() => passedFlags.title.parse('('), /^Error: must be a regular expression$/);
  assert.equal(passedFlags.title.parse('^PCI (v4|v3)'), '^PCI (v4|v3)');
});

test('what is logged and from which profile goes to the tools that make CSV, history and report, too', () => {
  const given = new Map<string, unknown>([['quiet', true]]);
  for (const tool of [
    'pcrs-auth',
    'pcrs-posture',
    'pcrs-from-sqlite',
    'pcrs-to-csv',
    'pcrs-to-history',
    'pcrs-report',
  ])
    assert.deepEqual(argumentsFor(tool, given), ['--quiet'], tool);
});
