import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../http/local-gateway.test.ts';
import { type CredentialOptions, passwordSources, tokenSource } from './credentials.ts';
import { Secrets } from './secrets.ts';

const unix = { skip: process.getuid === undefined && 'modes are not checked here' };

function given(t: TestContext, changes: Partial<CredentialOptions>) {
  const warnings: string[] = [];
  const hidden: string[] = [];
  const file = join(temporaryDirectory(t), 'password');
  writeFileSync(file, 'from file\n', { mode: 0o600 });
  const options: CredentialOptions = {
    ...{ username: 'alice', env: { PATH: process.env['PATH'] }, uid: process.getuid?.() },
    ...{
      signal: new AbortController().signal,
      log: { warn: (message: string) => void warnings.push(message) },
    },
    ...changes,
  };
  const secrets = new Secrets((value) => void hidden.push(value));
  return { options, secrets, warnings, hidden, file, sources: () => passwordSources(options, secrets) };
}

test('finds the password in the order of the contract', async (t) => {
  const { options, file, sources } = given(t, {});
  Object.assign(options, {
    credentials: { password: 'from object' },
    passwordFile: file,
    passwordCommand: 'echo from command',
    env: { ...options.env, PCRS_PASSWORD: 'from environment' },
    profilePassword: 'from profile',
    prompt: async () => 'from prompt',
  });
  const found = [];
  for (const source of sources()) found.push(await source.read());
  const places = ['object', 'file', 'command', 'environment', 'profile', 'prompt'];
  assert.deepEqual(
    found,
    places.map((place) => `from ${place}`),
  );
});

test('takes one line break off, and nothing else', async (t) => {
  const { file, options, sources } = given(t, {});
  options.passwordFile = file;
  for (const [content, password] of [
    [' secret word \r\n', ' secret word '],
    ['two\n\n', 'two\n'],
    ['none', 'none'],
  ] as const) {
    writeFileSync(file, content);
    assert.equal(await sources()[0]!.read(), password);
  }
});

test('warns once of a password file that others may read, and refuses it when strict', unix, async (t) => {
  const { file, options, sources, warnings } = given(t, {});
  options.passwordFile = file;
  chmodSync(file, 0o644);
  const [source] = sources();
  await source!.read();
  await source!.read();
  assert.deepEqual(warnings, [`--password-file ${file}: others may read it (mode 0644); chmod go= it`]);
  options.strict = true;
  await assert.rejects(sources()[0]!.read(), { code: 'PCRS_USAGE', message: /others may read it/ });
});

test('names a password file that is missing, empty or a directory', async (t) => {
  const { file, options, sources } = given(t, {});
  writeFileSync(file, '\n');
  for (const [path, message] of [
    [file, /is empty/],
    [`${file}.not`, /no such file/],
    [join(file, '..'), /is a directory/],
  ] as const) {
    options.passwordFile = path;
    await assert.rejects(sources()[0]!.read(), { code: 'PCRS_USAGE', message });
  }
});

test('never shows what a password command is, printed on stderr, or failed with', async (t) => {
  const command = 'echo canary-output; echo canary-stderr >&2; canary-not-found';
  const { hidden, sources } = given(t, { passwordCommand: command });
  await assert.rejects(sources()[0]!.read(), (error: Error) => {
    assert.equal(
      error.message,
      '--password-command: the command ended with status 127; run it by hand to see why',
    );
    return !error.stack?.includes('canary');
  });
  assert.ok(hidden.includes(command));
  const silent = given(t, { passwordCommand: 'true' });
  await assert.rejects(silent.sources()[0]!.read(), /printed nothing/);
});

test('ends a command when it is interrupted', async (t) => {
  const stop = new AbortController();
  const { sources } = given(t, { passwordCommand: 'sleep 30', signal: stop.signal });
  const reading = sources()[0]!.read();
  setTimeout(() => stop.abort(new Error('interrupted')), 20);
  await assert.rejects(reading, /interrupted/);
});

test('lets a source that names a user serve only that user', (t) => {
  const users = (changes: Partial<CredentialOptions>) =>
    given(t, changes)
      .sources()
      .map(({ user }) => user);
  const env = { PCRS_PASSWORD: 'x' };
  assert.deepEqual(users({ env, username: 'bob', origins: { username: 'flag' } }), ['bob']);
  const named = { ...env, PCRS_USERNAME: 'alice' };
  assert.deepEqual(users({ env: named, username: 'bob', origins: { username: 'flag' } }), ['alice']);
  assert.deepEqual(users({ env: named, username: 'alice', origins: { username: 'environment' } }), ['alice']);
  const profile = { profilePassword: 'x', username: 'bob', origins: { username: 'flag' } };
  assert.deepEqual(users({ ...profile, profileUsername: 'alice' }), ['alice']);
  assert.deepEqual(users({ ...profile, profileUsername: undefined }), ['bob']);
  assert.notEqual(users(profile)[0], 'bob');
  const fileOfProfile = {
    passwordFile: 'f',
    username: 'bob',
    origins: { passwordFile: 'profile', username: 'flag' },
  };
  assert.deepEqual(users({ ...fileOfProfile, profileUsername: 'alice' }), ['alice']);
});

test('takes a token obtained elsewhere from a file, a command, or the environment, in this order', async (t) => {
  const { file, options, secrets } = given(t, {});
  options.env = { ...options.env, PCRS_TOKEN: ' a.b.c\n' };
  assert.equal(await tokenSource(options, secrets)!.read(), 'a.b.c');
  options.tokenCommand = 'echo d.e.f';
  assert.equal(await tokenSource(options, secrets)!.read(), 'd.e.f');
  options.tokenFile = file;
  assert.equal(await tokenSource(options, secrets)!.read(), 'from file');
  assert.equal(tokenSource(options, secrets)!.name, '--token-file');
});
