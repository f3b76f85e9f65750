import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../http/local-gateway.test.ts';
import { type IdentityOptions, identify, type SessionHint } from './identity.ts';
import { TokenStore } from './token-store.ts';

const here = 'https://gateway.example.net';
const elsewhere = 'https://evil.example.net';
const base: IdentityOptions = {
  env: {},
  uid: process.getuid?.(),
  signal: new AbortController().signal,
  log: { warn() {} },
};

function withTokens(t: TestContext, ...tokens: [gateway: string, username: string, expiresAt?: string][]) {
  const store = new TokenStore(temporaryDirectory(t), base.uid);
  for (const [gateway, username, expiresAt = '2099-01-01T00:00:00.000Z'] of tokens) {
    store.write({ gateway, username, token: 'a.b.c', expiresAt });
  }
  const who = (options: Partial<IdentityOptions>, session?: SessionHint) =>
    identify({ ...base, ...options }, session, store, Date.now());
  return { store, who };
}

const usage = (message: RegExp) => ({ code: 'PCRS_USAGE', message });

test('flag beats environment beats profile, for URL and platform alike', (t) => {
  const { who } = withTokens(t);
  const both = { gateway: here, platform: 'US2', username: 'alice' };
  assert.equal(
    who({ ...both, origins: { gateway: 'environment', platform: 'flag' } }).url,
    'https://gateway.qg2.apps.qualys.com',
  );
  assert.equal(who({ ...both, origins: { gateway: 'environment', platform: 'profile' } }).url, here);
  assert.throws(() => who(both), usage(/name different gateways/));
  assert.equal(
    who({ ...both, gateway: 'gateway.qg2.apps.qualys.com' }).url,
    'https://gateway.qg2.apps.qualys.com',
  );
});

test('uses the only live token file if gateway or user is not named, and lists them if there are several', (t) => {
  const past = '2020-01-01T00:00:00.000Z';
  const { who } = withTokens(t, [here, 'alice'], [here, 'old', past]);
  for (const options of [{}, { gateway: here }, { username: 'alice' }]) {
    assert.deepEqual(who(options), { url: here, username: 'alice', trusted: true });
  }
  assert.throws(() => who({ username: 'bob' }), usage(/no gateway is given and no valid token/));
  const two = withTokens(t, [here, 'alice'], [here, 'bob']);
  assert.throws(
    () => two.who({}),
    usage(/2 valid tokens are stored \(alice at https.*, bob at https.*\); choose one with/),
  );
  assert.throws(() => two.who({ gateway: here }), usage(/with --username$/));
  assert.equal(two.who({ username: 'bob' }).username, 'bob');
});

test('sends credentials only to the gateway and user they name', (t) => {
  const { who } = withTokens(t);
  const credentials = { username: 'alice', password: 'x', gateway: here };
  assert.deepEqual(who({ credentials }), { url: here, username: 'alice', trusted: true });
  assert.throws(() => who({ credentials, gateway: elsewhere }), usage(/--credentials name the gateway/));
  assert.throws(() => who({ credentials, username: 'bob' }), usage(/--credentials are those of alice/));
  const fromEnvironment = { username: 'environment', gateway: 'environment' };
  const named = { credentials, username: 'bob', gateway: elsewhere };
  assert.equal(who({ ...named, origins: fromEnvironment }).url, here);
});

test('follows a session to a gateway that is named or that a token file of ours names', (t) => {
  const { who, store } = withTokens(t, [here, 'alice']);
  const session = { gateway: here, username: 'alice', tokenFile: store.path(here, 'alice') };
  assert.deepEqual(who({}, session), { url: here, username: 'alice', trusted: true });
  assert.deepEqual(who({ gateway: here }, { ...session, username: 'bob', tokenFile: null }), {
    ...{ url: here, username: 'bob', trusted: true },
  });
});

test('gives a forged session neither token nor password: status 2', (t) => {
  const { who, store } = withTokens(t, [here, 'alice']);
  const forged: [string, Partial<IdentityOptions>, SessionHint, RegExp][] = [
    ['another gateway', {}, { gateway: elsewhere, username: 'alice' }, /the session names https:\/\/evil/],
    [
      'another gateway',
      { gateway: here },
      { gateway: elsewhere, username: 'alice' },
      /the flags name https:\/\/gateway/,
    ],
    [
      'another gateway than the environment',
      { gateway: here, origins: { gateway: 'environment' } },
      { gateway: elsewhere, username: 'alice' },
      /the session names https:\/\/evil/,
    ],
    ['a user without a token', {}, { gateway: here, username: 'bob' }, /the session names/],
    [
      'another user',
      { username: 'alice', origins: { username: 'flag' } },
      { gateway: here, username: 'bob' },
      /--username is alice/,
    ],
    [
      'another token file',
      {},
      { gateway: here, username: 'alice', tokenFile: '/tmp/x.json' },
      /token file is "\/tmp\/x.json"/,
    ],
    [
      'another token file',
      { gateway: here },
      { gateway: here, username: 'alice', tokenFile: '/etc/passwd' },
      /PCRS_STATE_DIR/,
    ],
    [
      'http',
      {},
      { gateway: 'http://gateway.example.net', username: 'alice' },
      /the session's gateway must be https/,
    ],
  ];
  for (const [name, options, session, message] of forged) {
    assert.throws(() => who(options, session), usage(message), name);
  }
  assert.ok(store.read(here, 'alice'));
});

test('sends no password to a gateway known only from the session and a token file, if others name another', (t) => {
  const { who } = withTokens(t, [here, 'alice']);
  const session = { gateway: here, username: 'alice' };
  assert.equal(who({ gateway: elsewhere, origins: { gateway: 'environment' } }, session).trusted, false);
  assert.equal(who({ gateway: elsewhere, origins: { gateway: 'profile' } }, session).trusted, false);
});
