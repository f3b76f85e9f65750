import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Secrets } from 'pcrs-records/secrets';
import { temporaryDirectory } from '../http/local-gateway.test.ts';
import { type CredentialOptions, passwordSources, tokenSource } from './credentials.ts';

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
  const secrets = new Secrets();
  const add = secrets.add.bind(secrets);
  secrets.add = (value) => {
    hidden.push(value);
    add(value);
  };
  return { options, secrets, warnings, hidden, file, sources: () => passwordSources(options, secrets) };
}

test("looks for the password in the contract's order", async (t) => {
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

test('removes one line break and nothing else', async (t) => {
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

test('warns once about a password file that others may read, and refuses it when strict', unix, async (t) => {
  const { file, options, sources, warnings } = given(t, {});
  options.passwordFile = file;
  chmodSync(file, 0o644);
  const [source] = sources();
  await source!.read();
  await source!.read();
  assert.deepEqual(warnings, [
    `--password-file ${file}: others may read it (mode 0644); run chmod go= on it`,
  ]);
  options.strict = true;
  await assert.rejects(sources()[0]!.read(), { code: 'PCRS_USAGE', message: /others may read it/ });
});

test('names a password file that is missing, empty or a directory', async (t) => {
  const { file, options, sources } = given(t, {});
  writeFileSync(file, '\n');
  for (const [path, message] of [
    [file, /is empty/],
    [`${file}.not`, /does not exist \(ENOENT\)/],
    [join(file, '..'), /is a directory/],
  ] as const) {
    options.passwordFile = path;
    await assert.rejects(sources()[0]!.read(), { code: 'PCRS_USAGE', message });
  }
});

test('reads a password file with a byte order mark, and refuses one that is not UTF-8 before any request', async (t) => {
  const { file, options, sources } = given(t, {});
  options.passwordFile = file;
  writeFileSync(file, '\ufeffpass wörd\r\n');
  assert.equal(await sources()[0]!.read(), 'pass wörd');
  const wrong = [
    Buffer.from('\ufeffgeheim\n', 'utf16le'),
    Buffer.from('geheim\n', 'utf16le'),
    Buffer.from('\ufeffgeheim', 'utf16le').swap16(),
    Buffer.from('geh\xe4im', 'latin1'),
  ];
  for (const bytes of wrong) {
    writeFileSync(file, bytes);
    const message = /^--password-file .*: is (UTF-16, )?not UTF-8; save it as UTF-8$/;
    await assert.rejects(sources()[0]!.read(), { code: 'PCRS_USAGE', message });
  }
  const command = given(t, { passwordCommand: `cat ${file}` });
  writeFileSync(file, '\ufeffby command\n');
  assert.equal(await command.sources()[0]!.read(), 'by command');
});

test('can be interrupted while a password file is a pipe without a writer', unix, async (t) => {
  const stop = new AbortController();
  const { file, options, sources } = given(t, { signal: stop.signal });
  const pipe = `${file}.pipe`;
  execFileSync('mkfifo', [pipe]);
  options.passwordFile = pipe;
  const reading = sources()[0]!.read();
  setTimeout(() => stop.abort(new Error('interrupted')), 50);
  await assert.rejects(reading, /interrupted/);
});

test('does not wait for processes that a command left in the background', unix, async (t) => {
  const { sources } = given(t, { passwordCommand: 'sleep 60 & echo from command' });
  const startedMs = performance.now();
  assert.equal(await sources()[0]!.read(), 'from command');
  assert.ok(performance.now() - startedMs < 20_000);
});

test("uses a service manager's credential if nothing else is set", async (t) => {
  const { file, options, sources } = given(t, { prompt: async () => 'from prompt' });
  const directory = join(file, '..');
  options.env = { ...options.env, CREDENTIALS_DIRECTORY: directory, PCRS_USERNAME: 'alice' };
  assert.deepEqual(
    sources().map(({ name }) => name),
    ['the prompt'],
  );
  writeFileSync(join(directory, 'pcrs-password'), 'from systemd\n', { mode: 0o644 });
  const [source] = sources();
  assert.equal(await source!.read(), 'from systemd');
  assert.deepEqual([source!.user, source!.shared, source!.name], ['alice', true, 'CREDENTIALS_DIRECTORY']);
  options.profilePassword = 'from profile';
  assert.equal(await sources()[0]!.read(), 'from profile');
});

test('never shows a password command, its stderr or its failure', async (t) => {
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

test('ends a command when interrupted', async (t) => {
  const stop = new AbortController();
  const { sources } = given(t, { passwordCommand: 'sleep 30', signal: stop.signal });
  const reading = sources()[0]!.read();
  setTimeout(() => stop.abort(new Error('interrupted')), 20);
  await assert.rejects(reading, /interrupted/);
});

test('uses a source that names a user only for that user', (t) => {
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

test('takes a token obtained elsewhere from a file, a command or the environment, in this order', async (t) => {
  const { file, options, secrets } = given(t, {});
  options.env = { ...options.env, PCRS_TOKEN: ' a.b.c\n' };
  assert.equal(await tokenSource(options, secrets)!.read(), ' a.b.c\n');
  options.tokenCommand = 'echo d.e.f';
  assert.equal(await tokenSource(options, secrets)!.read(), 'd.e.f');
  options.tokenFile = file;
  assert.equal(await tokenSource(options, secrets)!.read(), 'from file');
  assert.equal(tokenSource(options, secrets)!.name, '--token-file');
});
