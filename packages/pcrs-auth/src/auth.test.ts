import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SimulatorOptions, startSimulator } from 'pcrs-simulator';
import { type AuthOptions, checkToken, liveToken, logout, openSession } from './index.ts';

async function withSimulator(
  t: TestContext,
  changes: Partial<AuthOptions> = {},
  simulate: SimulatorOptions = {},
) {
  const simulator = await startSimulator({ seed: 1, policies: 1, hosts: 1, controls: 1, ...simulate });
  t.after(() => simulator.close());
  const state = mkdtempSync(join(tmpdir(), 'pcrs-auth-'));
  t.after(() => rmSync(state, { recursive: true, force: true }));
  const warnings: string[] = [];
  const { env, ...others } = changes;
  const options: AuthOptions = {
    ...{
      gateway: simulator.gateway,
      username: 'alice',
      timeoutMs: 5000,
      retries: 2,
      maxWaitMs: 1000,
      backoffBaseMs: 10,
    },
    ...{ uid: process.getuid?.(), userAgent: 'test/1', signal: new AbortController().signal },
    log: { warn: (message) => void warnings.push(message), info() {}, verbose() {} },
    ...others,
    env: { PCRS_STATE_DIR: state, PCRS_PASSWORD: 'open sesame', ...env },
  };
  const logins = () => simulator.requests.filter((one) => one.path === '/auth').length;
  return { simulator, state, options, warnings, logins };
}

test('opens a run: a session that holds everything but the token', async (t) => {
  const { simulator, state, options } = await withSimulator(t);
  const startedAt = new Date();
  const { session, renewable } = await openSession({ ...options, startedAt });
  assert.deepEqual(Object.keys(session), [
    'kind',
    'runId',
    'gateway',
    'username',
    'tokenFile',
    'expiresAt',
    'startedAt',
  ]);
  assert.equal(session.gateway, simulator.gateway);
  assert.equal(session.username, 'alice');
  assert.equal(session.startedAt, startedAt.toISOString());
  assert.ok(session.tokenFile!.startsWith(join(state, 'tokens')));
  const kept = JSON.parse(readFileSync(session.tokenFile!, 'utf8'));
  assert.equal(kept.expiresAt, session.expiresAt);
  assert.equal(statSync(session.tokenFile!).mode & 0o777, 0o600);
  assert.ok(!JSON.stringify(session).includes(kept.token));
  assert.equal(renewable, true);
});

test('does not log in while a token is live, and logs in once with renew', async (t) => {
  const { options, logins } = await withSimulator(t);
  const first = await openSession(options);
  const second = await openSession({ ...options, gateway: undefined, username: undefined });
  assert.equal(logins(), 1);
  assert.equal(second.session.tokenFile, first.session.tokenFile);
  assert.notEqual(second.session.runId, first.session.runId);
  const token = await liveToken(options);
  assert.notEqual(await liveToken({ ...options, renew: true }), token);
  assert.equal(logins(), 2);
});

test('knows whether the stages after it can renew', async (t) => {
  const { options } = await withSimulator(t);
  await openSession(options);
  const without = { ...options, env: { ...options.env, PCRS_PASSWORD: undefined } };
  assert.equal((await openSession(without)).renewable, false);
  assert.equal((await openSession({ ...without, credentials: { password: 'x' } })).renewable, false);
  const profile = { ...without, profilePassword: 'x', origins: { username: 'profile' } };
  assert.equal((await openSession(profile)).renewable, true);
});

test('describes a live token without a request, and reports if there is none', async (t) => {
  const { options, simulator } = await withSimulator(t);
  await assert.rejects(checkToken(options), {
    code: 'PCRS_REFUSED',
    message: /no valid token of alice; a password is configured, so pcrs-auth or --check --renew can log in$/,
  });
  const without = { ...options, env: { ...options.env, PCRS_PASSWORD: undefined } };
  await assert.rejects(checkToken(without), { message: /no valid token of alice and no credentials; / });
  assert.equal(simulator.requestCount, 0);
  const { session } = await openSession(options);
  const { secondsLeft, ...facts } = await checkToken({ ...options, gateway: undefined });
  const { gateway, username, tokenFile, expiresAt } = session;
  assert.deepEqual(facts, { kind: 'token', gateway, username, tokenFile, expiresAt });
  assert.ok(secondsLeft > 14_000 && secondsLeft <= 14_400);
  assert.equal(simulator.requestCount, 1);
});

test('deletes the token, live or expired', async (t) => {
  const { options } = await withSimulator(t);
  const { session } = await openSession(options);
  assert.equal(await logout({ ...options, gateway: undefined, username: undefined }), session.tokenFile);
  assert.equal(await logout(options), undefined);
  await assert.rejects(checkToken(options), { code: 'PCRS_REFUSED' });
});

test('stores a token obtained elsewhere in the token file, for the following stages', async (t) => {
  const { options, logins } = await withSimulator(t);
  const token = await liveToken(options);
  const { session } = await openSession({
    ...options,
    username: undefined,
    env: {
      ...options.env,
      PCRS_PASSWORD: undefined,
      PCRS_TOKEN: token,
      PCRS_STATE_DIR: `${options.env['PCRS_STATE_DIR']}/b`,
    },
  });
  assert.equal(session.username, 'alice', 'as the token says');
  assert.equal(JSON.parse(readFileSync(session.tokenFile!, 'utf8')).token, token);
  assert.equal(logins(), 1);
});

test('prompts last, once, and never without a user', async (t) => {
  const asked: string[] = [];
  const prompt = async (question: string) => {
    asked.push(question);
    return 'typed in';
  };
  const { options, logins } = await withSimulator(t, { prompt, env: { PCRS_PASSWORD: undefined } });
  await assert.rejects(openSession({ ...options, username: undefined }), {
    code: 'PCRS_USAGE',
    message: /--username/,
  });
  const { renewable } = await openSession(options);
  assert.deepEqual(asked, ['Password of alice: ']);
  assert.equal(renewable, false);
  assert.equal(logins(), 1);
});
