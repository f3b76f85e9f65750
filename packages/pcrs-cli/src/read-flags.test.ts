import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commonFlags } from './common-flags.ts';
import { flag, idItem } from './flags.ts';
import { apiVersionFlag, parseRate } from './gateway-flags.ts';
import { readFlags } from './read-flags.ts';

const directory = mkdtempSync(join(tmpdir(), 'pcrs-flags-'));
after(() => rmSync(directory, { recursive: true }));

const flags = {
  evidence: flag.boolean({ describe: 'e' }),
  title: flag.text({ describe: 't', value: 'REGEX' }),
  id: flag.list({ describe: 'i', item: idItem }),
  'policies-per-request': flag.integer({
    describe: 'p',
    min: 1,
    max: 10,
    default: 10,
    limit: "the gateway's limit",
  }),
  timeout: flag.integer({ describe: 't', min: 1, max: 9999, default: 600, env: 'shared' }),
  rate: flag.text({ describe: 'r', default: '25/60', parse: parseRate, env: 'shared' }),
  'asset-state': flag.choice(['ACTIVE', 'ALL'], { describe: 's' }),
  'password-command': flag.text({ describe: 'c', env: 'shared', secret: true }),
  resume: flag.boolean({ describe: 'an action', env: 'none' }),
  'no-stdin': flag.boolean({ describe: 'n', short: 'n' }),
  ...commonFlags,
};

const read = (argv: string[], env: Record<string, string> = {}) =>
  readFlags('pcrs-posture', flags, 1, argv, { XDG_CONFIG_HOME: directory, ...env });

function refusal(argv: string[], env: Record<string, string> = {}): string {
  try {
    read(argv, env);
  } catch (error) {
    assert.equal((error as { code: string }).code, 'PCRS_USAGE');
    return (error as Error).message;
  }
  return assert.fail(`${argv.join(' ')} was taken`);
}

test('a value on the command line has the type of its flag', () => {
  const { values, positionals } = read([
    '--id',
    '1,2',
    'a.db',
    '--id=18446744073709551615',
    '-n',
    '--rate',
    '5/1',
  ]);
  assert.deepEqual(values['id'], ['1', '2', '18446744073709551615']);
  assert.equal(values['noStdin'], true);
  assert.deepEqual(values['rate'], { requests: 5, seconds: 1 });
  assert.equal(values['policiesPerRequest'], 10);
  assert.deepEqual(positionals, ['a.db']);
});

test("precedence: command line, the tool's variable, the shared variable, profile, default", () => {
  const config = {
    profiles: { default: { timeout: 4, 'pcrs-posture': { timeout: 3 } }, plain: { timeout: 4 } },
  };
  writeFileSync(join(directory, 'all.json'), JSON.stringify(config));
  const argv = ['--config', join(directory, 'all.json')];
  const shared = { PCRS_TIMEOUT: '2' };
  const own = { ...shared, PCRS_POSTURE_TIMEOUT: '1' };
  const timeout = (words: string[], env = {}) => {
    const { values, origins } = read(words, env);
    return [values['timeout'], origins['timeout']];
  };
  assert.deepEqual(timeout([...argv, '--timeout', '7'], own), [7, 'flag']);
  assert.deepEqual(timeout(argv, own), [1, 'environment']);
  assert.deepEqual(timeout(argv, shared), [2, 'environment']);
  assert.deepEqual(timeout(argv), [3, 'profile']);
  assert.deepEqual(timeout([...argv, '--profile', 'plain']), [4, 'profile']);
  assert.deepEqual(timeout([]), [600, 'default']);
});

test("a filter has only its tool's variable and an action has none", () => {
  const { values } = read([], {
    PCRS_TITLE: 'a',
    PCRS_POSTURE_EVIDENCE: 'true',
    PCRS_POSTURE_RESUME: '1',
  });
  assert.deepEqual([values['title'], values['evidence'], values['resume']], [undefined, true, false]);
});

test('refuses an unknown flag and suggests the nearest', () => {
  assert.equal(
    refusal(['--polices-per-request', '3']),
    'unknown flag --polices-per-request; did you mean --policies-per-request?',
  );
  assert.equal(refusal(['--nothing-like-it']), 'unknown flag --nothing-like-it; see --help');
  assert.equal(refusal(['-x']), 'unknown flag -x; see --help');
  for (const word of ['-rate', '-rate=5/1', '-quiet'])
    assert.equal(refusal([word]), `unknown flag ${word.split('=')[0]}; did you mean -${word.split('=')[0]}?`);
});

test('refuses a value that does not fit and names where it came from', () => {
  assert.equal(
    refusal(['--policies-per-request', '25']),
    "--policies-per-request must be 1 to 10 (the gateway's limit), got 25",
  );
  assert.equal(
    refusal(['--policies-per-request', '1e1']),
    "--policies-per-request must be 1 to 10 (the gateway's limit), got 1e1",
  );
  assert.equal(refusal([], { PCRS_TIMEOUT: 'soon' }), 'PCRS_TIMEOUT must be 1 to 9999, got soon');
  assert.equal(refusal(['--asset-state', 'GONE']), '--asset-state must be ACTIVE or ALL, got GONE');
  assert.equal(
    refusal([], { PCRS_POSTURE_EVIDENCE: 'yes' }),
    'PCRS_POSTURE_EVIDENCE must be 1, 0, true or false, got yes',
  );
  assert.equal(refusal(['--rate', '25']), '--rate must be REQUESTS/SECONDS like 25/60, got 25');
});

test('refuses a missing value, a filter given twice and an extra word', () => {
  assert.equal(refusal(['--title']), '--title needs a value: --title REGEX');
  assert.equal(refusal(['--title', 'a', '--title', 'b']), '--title was given 2 times; give it only once');
  assert.equal(refusal(['a.db', 'b.db']), 'b.db: unexpected argument; flags begin with --, see --help');
});

test('the last of several tuning or connection flags wins, since aliases and wrappers add them', () => {
  const { values } = read(['--timeout', '1', '--rate=5/1', '--timeout', '2', '--rate', '6/1']);
  assert.equal(values['timeout'], 2);
  assert.deepEqual(values['rate'], { requests: 6, seconds: 1 });
});

test('refuses a password on the command line and lists the alternatives', () => {
  assert.match(refusal(['--password', 'x']), /--password-file, --password-command or PCRS_PASSWORD/);
});

test('warns about an unknown PCRS variable with the nearest name, and ignores other variables', () => {
  const { unknownVariables } = read([], {
    PCRS_TIMEOUTS: '1',
    PCRS_TO_CSV_COLUMNS: 'a',
    PCRS_POLICIES_PER_REQUEST: '3',
  });
  assert.deepEqual(unknownVariables, ['PCRS_TIMEOUTS: unknown variable; did you mean PCRS_TIMEOUT?']);
});

test('refuses an unknown setting, a missing profile and a file that is not JSON, each by name', () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return ['--config', join(directory, name)];
  };
  assert.match(
    refusal(file('typo.json', '{"profiles": {"default": {"platfrom": "US2"}}}')),
    /unknown setting platfrom; did you mean platform\?$/,
  );
  assert.match(
    refusal([...file('one.json', '{"profiles": {"a": {}}}'), '--profile', 'b']),
    /no profile b; the file has a$/,
  );
  assert.match(refusal(file('broken.json', '{')), /not JSON/);
  assert.match(refusal(['--config', '/does/not/exist']), /no such file$/);
});

test('the options of a run hold no secret and no value that was not written', () => {
  const { options } = read(['--password-command', 'pass show qualys', '--rate', '5/1', '--title', 'x']);
  assert.deepEqual(options['password-command'], { value: '[secret]', from: 'flag' });
  assert.deepEqual(options['rate'], { value: '5/1', from: 'flag' });
  assert.deepEqual(options['title'], { value: 'x', from: 'flag' });
  assert.equal('evidence' in options, false);
});

test('marks a flag that an incremental run added in the options, and otherwise treats it like any flag', () => {
  const env = { PCRS_INCREMENTAL_FLAGS: 'title,timeout', PCRS_TIMEOUT: '9' };
  const { options, origins, unknownVariables } = read(['--title', 'DISA', '--evidence'], env);
  assert.deepEqual(options['title'], { value: 'DISA', from: 'incremental' });
  assert.deepEqual([options['evidence']?.from, options['timeout']?.from], ['flag', 'environment']);
  assert.equal(origins['title'], 'flag');
  assert.deepEqual(unknownVariables, []);
});

test('--api-version accepts any N.N and nothing that could change the path', () => {
  const { parse } = apiVersionFlag('5.0', 'shared');
  assert.equal(parse('7.1'), '7.1');
  for (const text of ['5', 'v5.0', '5.0/../..', '5.0.0', '']) assert.throws(() => parse(text), /must/);
});
