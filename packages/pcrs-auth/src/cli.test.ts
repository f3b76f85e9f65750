import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulator } from 'pcrs-simulator';

const bin = fileURLToPath(new URL('../bin/pcrs-auth.js', import.meta.url));

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

async function withSimulator(t: TestContext) {
  const simulator = await startSimulator({ seed: 1, policies: 1, hosts: 1, controls: 1 });
  t.after(() => simulator.close());
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-auth-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const usual = {
    PCRS_STATE_DIR: join(directory, 'state'),
    PCRS_GATEWAY: simulator.gateway,
    PCRS_USERNAME: 'alice',
  };
  /** Searches every output of these tests for the secrets used in them. */
  const auth = async (args: string[], env: Record<string, string> = {}, stdin = ''): Promise<Ended> => {
    const child = spawn(process.execPath, ['--conditions=pcrs-source', bin, ...args], {
      env: { PATH: process.env['PATH'], HOME: directory, ...usual, ...env },
    });
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    const ended: Ended = { status: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (ended.stdout += chunk));
    child.stderr.on('data', (chunk) => (ended.stderr += chunk));
    [ended.status] = (await once(child, 'close')) as [number | null];
    assert.doesNotMatch(ended.stderr, /canary|eyJ/);
    if (!args.includes('--print-token')) assert.doesNotMatch(ended.stdout, /canary|eyJ/);
    return ended;
  };
  const logins = () => simulator.requests.filter((one) => one.path === '/auth').length;
  return { simulator, directory, auth, logins };
}

const password = { PCRS_PASSWORD: 'canary-password' };

test('writes one session, then checks, prints and deletes its token', async (t) => {
  const { auth, simulator, logins } = await withSimulator(t);
  const opened = await auth([], password);
  assert.equal(opened.stderr, '');
  const session = JSON.parse(opened.stdout);
  assert.equal(session.kind, 'session');
  const told = JSON.parse((await auth(['--check'])).stdout);
  assert.deepEqual([told.kind, told.gateway, told.username], ['token', simulator.gateway, 'alice']);
  const printed = await auth(['--print-token'], { PCRS_GATEWAY: '', PCRS_USERNAME: '' });
  assert.match(printed.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const left = await auth(['--logout', '--verbose']);
  assert.deepEqual([left.status, left.stdout], [0, '']);
  assert.equal(left.stderr, `pcrs-auth: deleted ${session.tokenFile}\n`);
  assert.equal((await auth(['--check'])).status, 4);
  assert.equal(logins(), 1);
});

test('writes only a failed end if it cannot open a run, after one try of a wrong password', async (t) => {
  const { auth, logins } = await withSimulator(t);
  const { status, stdout, stderr } = await auth(['--verbose', '--log-format', 'json'], {
    PCRS_PASSWORD: 'wrong',
  });
  assert.equal(status, 4);
  assert.equal(logins(), 1);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 1);
  const { runId, endedAt, error, ...end } = JSON.parse(lines[0]!);
  assert.deepEqual(end, {
    ...{
      kind: 'end',
      stage: 'pcrs-auth',
      ok: false,
      status: 4,
      in: {},
      out: {},
      sums: {},
      requests: 0,
      retries: 0,
      bytes: 0,
    },
    warnings: 0,
  });
  assert.equal(error.code, 'PCRS_REFUSED');
  assert.match(error.message, /the gateway refuses alice/);
  assert.ok(runId && endedAt);
  for (const line of stderr.trimEnd().split('\n')) assert.equal(JSON.parse(line).tool, 'pcrs-auth');
});

test('says in the failed end what is missing', async (t) => {
  const { auth } = await withSimulator(t);
  const nobody = await auth([]);
  assert.equal(nobody.status, 4);
  assert.match(nobody.stderr, /no valid token of alice and no credentials; give --password-file/);
  const nowhere = await auth([], { PCRS_GATEWAY: '' });
  assert.equal(nowhere.status, 2);
  assert.equal(JSON.parse(nowhere.stdout).status, 2);
});

test('reads credentials from stdin for the gateway and user in them, and says how long the run can continue', async (t) => {
  const { auth, simulator } = await withSimulator(t);
  const object = { username: 'bob', password: 'canary-password', gateway: simulator.gateway };
  const { status, stdout, stderr } = await auth(
    ['--credentials', '-'],
    { PCRS_GATEWAY: 'https://other.example.net' },
    JSON.stringify(object),
  );
  assert.equal(status, 0);
  const session = JSON.parse(stdout);
  assert.equal(session.username, 'bob');
  assert.match(stderr, /^pcrs-auth: this run cannot renew its token, which expires at \d{4}-/);
  assert.ok(stderr.includes(session.expiresAt));
});

test('warns about a password file that others may read, refuses it when strict, and refuses --password', async (t) => {
  const { auth, directory } = await withSimulator(t);
  const file = join(directory, 'password');
  writeFileSync(file, 'canary-password\n');
  chmodSync(file, 0o644);
  const strict = await auth(['--password-file', file, '--strict']);
  assert.equal(strict.status, 2);
  const warned = await auth(['--password-file', file]);
  assert.equal(warned.status, 0);
  assert.match(
    warned.stderr,
    /^pcrs-auth: --password-file .*: others may read it \(mode 0644\); run chmod go= on it\n/,
  );
  for (const args of [['--password', 'canary'], ['--password=canary']]) {
    const refused = await auth(args);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /^pcrs-auth: --password does not exist.*--password-file.*\n$/);
  }
});

test('refuses conflicting actions', async (t) => {
  const { auth } = await withSimulator(t);
  assert.match((await auth(['--check', '--logout'])).stderr, /exclude each other; give one/);
  assert.match((await auth(['--logout', '--renew'])).stderr, /--renew cannot be combined with --logout/);
});

test('works without a home directory: in memory, with one warning', async (t) => {
  const { auth } = await withSimulator(t);
  const { status, stdout, stderr } = await auth([], { ...password, PCRS_STATE_DIR: '', HOME: '' });
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).tokenFile, null);
  assert.match(stderr, /^pcrs-auth: no state directory: the token stays in memory.*\n$/);
});
