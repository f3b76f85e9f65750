import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tool } from './cli.ts';
import { ask } from './client.test.ts';
import { faultKinds } from './fault-kinds.ts';
import { formNames } from './form-names.ts';
import { World } from './world.ts';

const bin = fileURLToPath(new URL('../bin/pcrs-simulator.js', import.meta.url));
const small = ['--policies', '5', '--hosts', '20', '--controls', '10'];

interface Run {
  child: ChildProcess;
  ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
}

function start(t: TestContext, ...args: string[]): Run {
  const child = spawn(process.execPath, ['--conditions=pcrs-source', bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<Awaited<Run['ended']>>((resolve) => {
    child.on('close', (status) => resolve({ status, ...output }));
  });
  return { child, ended };
}

async function listening(run: Run): Promise<{ gateway: string; pid: number; kind: string }> {
  const line = await new Promise<string>((resolve) =>
    run.child.stdout?.once('data', (text) => resolve(String(text))),
  );
  return JSON.parse(line);
}

test('prints one record when it listens, and ends when told, even with open requests', async (t) => {
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const run = start(t, '--fault', 'auth:1:hang', ...small);
    const record = await listening(run);
    assert.deepEqual(Object.keys(record), ['kind', 'gateway', 'pid']);
    assert.equal(record.kind, 'listening');
    assert.equal(record.pid, run.child.pid);
    assert.match(record.gateway, /^http:\/\/127\.0\.0\.1:\d+$/);
    const hanging = ask(record.gateway, 'POST', '/auth', { body: 'username=a&password=b' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    run.child.kill(signal);
    const ended = await run.ended;
    assert.equal(ended.status, status);
    assert.equal(ended.stdout.split('\n').length, 2);
    assert.ok((await hanging).broken);
  }
});

test('says what is wrong with a fault, a form, a rate, and a port in use', async (t) => {
  const first = start(t);
  const port = new URL((await listening(first)).gateway).port;
  const wrong: [string[], number, RegExp][] = [
    [
      ['--fault', 'posture:1:nope'],
      2,
      /^pcrs-simulator: fault "posture:1:nope": no kind nope; there are status /,
    ],
    [['--form', 'nope'], 2, /--form must be one of duplicates /],
    [['--rate-limit', '25'], 2, /--rate-limit must be like 25\/60, or off, got "?25/],
    [['--tls-key', 'x'], 2, /--tls-key and --tls-cert need each other/],
    [['--password-file', '/nowhere/x'], 2, /--password-file \/nowhere\/x: ENOENT/],
    [['--start', 'soon'], 2, /start must be a date/],
    [['--port', port], 1, /port \d+ is taken; port 0 takes any free one/],
  ];
  await Promise.all(
    wrong.map(async ([args, status, message]) => {
      const ended = await start(t, ...args).ended;
      assert.match(ended.stderr, message);
      assert.deepEqual([ended.status, ended.stdout, ended.stderr.split('\n').length], [status, '', 2]);
    }),
  );
});

test('prints the truth as records of the pipe, without serving', async (t) => {
  const world = new World({ policies: 5, hosts: 20, controls: 10 });
  const ids = world.policyIds('active');
  const policies = world.policies().filter((text) => text.includes('"status":"active"'));
  const expected: [string[], string[]][] = [
    [['policies'], policies.map((text) => `{"kind":"policy","subscriptionId":263191,${text.slice(1)}`)],
    [['hostids'], ids.map((id) => `{"kind":"hostids",${world.hostIdsElement(id).slice(1)}`)],
    [
      ['posture', '--evidence'],
      [...world.posture({ policies: ids, evidence: 'evidence' })].map(
        (text) => `{"kind":"posture",${text.slice(1)}`,
      ),
    ],
    [
      ['posture', '--untagged', '--api-version', '1.0', '--status', 'all'],
      [...world.posture({ version: 1 })],
    ],
  ];
  await Promise.all(
    expected.map(async ([args, lines]) => {
      const ended = await start(t, '--print', ...args, ...small).ended;
      assert.equal(ended.status, 0);
      assert.ok(ended.stdout === lines.map((line) => `${line}\n`).join(''), `--print ${args.join(' ')}`);
    }),
  );
});

test('writes requests to a file without tokens, readable only by its owner', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-simulator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'requests.ndjson');
  const password = join(folder, 'password');
  writeFileSync(password, 'secret\n');
  const run = start(t, '--request-log', file, '--username', 'acme', '--password-file', password, ...small);
  const { gateway } = await listening(run);
  const login = await ask(gateway, 'POST', '/auth', { body: 'username=acme&password=secret' });
  const token = login.body.toString();
  const asked = '[{"policyId":"1","subscriptionId":"2","hostIds":["3","4"]}]';
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await ask(gateway, 'POST', '/pcrs/5.0/posture/postureInfo', { headers, body: asked });
  run.child.kill('SIGTERM');
  await run.ended;
  const text = readFileSync(file, 'utf8');
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    entries.map(({ endpoint, status, user }) => [endpoint, status, user]),
    [
      ['auth', 201, 'acme'],
      ['posture', 200, 'acme'],
    ],
  );
  assert.deepEqual(entries[1].policies, [
    { policyId: '1', subscriptionId: '2', hostIds: ['3', '4'], hosts: 2 },
  ]);
  assert.equal(text.includes(token) || text.includes('secret'), false);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('serves https with a key and a certificate', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-simulator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  writeFileSync(key, testKey);
  writeFileSync(cert, testCertificate);
  const run = start(t, '--tls-key', key, '--tls-cert', cert, ...small);
  const { gateway } = await listening(run);
  assert.match(gateway, /^https:/);
  const status = await new Promise((resolve, reject) => {
    get(`${gateway}/nowhere`, { ca: testCertificate }, (response) =>
      resolve(response.resume().statusCode),
    ).on('error', reject);
  });
  assert.equal(status, 404);
});

test('its help lists every fault, every form and a quick start, within 100 columns', async (t) => {
  const { stdout, status } = await start(t, '--help').ended;
  assert.equal(status, 0);
  for (const name of [...Object.keys(faultKinds), ...formNames]) assert.ok(stdout.includes(name), name);
  assert.ok(stdout.startsWith('  pcrs-simulator --port 8080 &\n'));
  for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line);
});

test('its README describes every fault, form and flag', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  for (const name of [...Object.keys(faultKinds), ...formNames])
    assert.ok(readme.includes(`| \`${name}`), name);
  assert.ok(Object.keys(tool.flags).length > 30);
});

test('runs the library example of the README', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /^```js\n([\s\S]*?)^```/m.exec(readme)?.[1] as string;
  const args = ['--conditions=pcrs-source', '--input-type=module', '--eval', example];
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL('..', import.meta.url)) });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([status, output], [0, '[]\n210\n']);
});

const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+GjeoBePlRUXpOdG
1IDxBiYJ63fSw7tjAy8oRn/5uUChRANCAARSjkfOOBP0IKbKNdXV7hpthNDvNO+Y
oOmw54O8JeZUXX2ApCdHQT1n+0eRix5sT1JCoMeZRwnPGa4KFTNp9x55
-----END PRIVATE KEY-----
`;
const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIURmQQ5z0BciR/Tn7/8kA1vCPnyuwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAzMzYzMFoYDzIxMjYxMDMw
MDMzNjMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARSjkfOOBP0IKbKNdXV7hpthNDvNO+YoOmw54O8JeZUXX2ApCdHQT1n
+0eRix5sT1JCoMeZRwnPGa4KFTNp9x55o28wbTAdBgNVHQ4EFgQUuEZNIi3aVq4/
LquiRkWpJnoB5sMwHwYDVR0jBBgwFoAUuEZNIi3aVq4/LquiRkWpJnoB5sMwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAMV6cU3Tt/orpV2N+0Ozu5rtV65anBQKjvnvANCFn3HGAiEA
wgPIkfBPCwz8VzaIo/u1EVynZjsgC5B6YtgWYjyC0Ec=
-----END CERTIFICATE-----
`;
