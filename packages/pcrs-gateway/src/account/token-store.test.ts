import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../http/local-gateway.test.ts';
import { safeName, stateRoot } from './state-directory.ts';
import { TokenStore } from './token-store.ts';

const uid = process.getuid?.();
const gateway = 'https://gateway.example.net:8443';
const stored = { gateway, username: 'alice', token: 'a.b.c', expiresAt: '2099-01-01T00:00:00.000Z' };
const unix = { skip: uid === undefined && 'modes and owners are not checked here' };

function storeIn(t: TestContext) {
  const root = temporaryDirectory(t);
  return { root, store: new TokenStore(root, uid) };
}

test('stores a token as JSON in tokens/HOST/USER.json, 0600 in directories 0700', unix, (t) => {
  const { root, store } = storeIn(t);
  const path = store.write(stored);
  assert.equal(path, join(root, 'tokens', 'gateway.example.net%3A8443', 'alice.json'));
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), stored);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  assert.equal(statSync(join(root, 'tokens')).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(dirname(path)), ['alice.json'], 'no temporary file stays');
  const { writtenMs: _, ...read } = store.read(gateway, 'alice')!;
  assert.deepEqual(read, stored);
});

test('returns a token only for the gateway and the user that its file names', (t) => {
  const { store } = storeIn(t);
  const path = store.write(stored);
  assert.equal(store.read(gateway, 'bob'), undefined);
  assert.equal(store.read('https://other.example.net', 'alice'), undefined);
  renameSync(path, store.path(gateway, 'bob'));
  assert.equal(store.read(gateway, 'bob'), undefined, 'alice’s token under the name of bob');
  assert.deepEqual(store.list(), []);
});

test(
  'refuses a file or directory that others may use, that has another owner, or that is a link',
  unix,
  (t) => {
    const moveAndLink = (path: string) => {
      renameSync(path, `${path}.real`);
      symlinkSync(`${path}.real`, path);
    };
    const spoil: [string, (path: string) => void, RegExp][] = [
      ['readable file', (path) => chmodSync(path, 0o640), /others may use it \(mode 0640\)/],
      ['open directory', (path) => chmodSync(dirname(path), 0o755), /others may use it \(mode 0755\)/],
      ['open top', (path) => chmodSync(dirname(dirname(path)), 0o770), /others may use it \(mode 0770\)/],
      ['link', moveAndLink, /a link, which is not followed/],
      ['linked directory', (path) => moveAndLink(dirname(path)), /a link, which is not followed/],
    ];
    if (uid === 0) spoil.push(['owner', (path) => chownSync(path, 12345, 0), /another user \(uid 12345\)/]);
    for (const [name, spoilIt, message] of spoil) {
      const { store } = storeIn(t);
      spoilIt(store.write(stored));
      assert.throws(() => store.read(gateway, 'alice'), { code: 'PCRS_USAGE', message }, name);
      assert.deepEqual(store.list(), [], name);
    }
  },
);

test('treats a file without a valid token as missing', (t) => {
  const { store } = storeIn(t);
  const path = store.write(stored);
  const contents = ['', '{', '[]', '{"token":"x"}', JSON.stringify({ ...stored, token: 'a\r\nb' })];
  for (const content of [
    ...contents,
    JSON.stringify({ ...stored, expiresAt: 'soon' }),
    'x'.repeat(300_000),
  ]) {
    writeFileSync(path, content);
    assert.equal(store.read(gateway, 'alice'), undefined, content.slice(0, 40));
  }
});

test('lists every token and deletes one', (t) => {
  const { root, store } = storeIn(t);
  store.write(stored);
  store.write({ ...stored, username: 'bob', gateway: 'https://other.example.net' });
  mkdirSync(join(root, 'tokens', 'stray'));
  writeFileSync(join(root, 'tokens', 'stray', 'x.json'), JSON.stringify(stored), { mode: 0o600 });
  assert.deepEqual(
    store.list().map(({ stored: { username } }) => username),
    ['alice', 'bob'],
  );
  assert.equal(store.remove(gateway, 'alice'), true);
  assert.equal(store.remove(gateway, 'alice'), false);
  assert.equal(store.read(gateway, 'alice'), undefined);
});

test('makes safe file names for any host and user, different for different users', () => {
  assert.equal(safeName('acme_ab1'), 'acme_ab1');
  assert.equal(safeName('../../etc/passwd'), '%2E.%2F..%2Fetc%2Fpasswd');
  assert.equal(safeName('..'), '%2E.');
  assert.equal(safeName('jürgen'), 'j%C3%BCrgen');
  const long = ['x', 'y'].map((end) => safeName('ü'.repeat(200) + end));
  assert.ok(long.every((name) => name.length < 160));
  assert.notEqual(long[0], long[1]);
});

test('takes the state directory from the environment, or has none', () => {
  assert.equal(stateRoot({ PCRS_STATE_DIR: '/a', XDG_STATE_HOME: '/b', HOME: '/c' }), '/a');
  assert.equal(stateRoot({ XDG_STATE_HOME: '/b', HOME: '/c' }), '/b/pcrs');
  assert.equal(stateRoot({ XDG_STATE_HOME: 'relative', HOME: '/c' }), '/c/.local/state/pcrs');
  assert.equal(stateRoot({}), undefined);
});
