import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startSimulator } from 'pcrs-simulator';
import { diagnose } from './diagnosis.ts';
import { type AuthOptions, openSession } from './index.ts';

function optionsFor(t: TestContext, gateway: string, env: Record<string, string> = {}): AuthOptions {
  const state = mkdtempSync(join(tmpdir(), 'pcrs-diagnosis-'));
  t.after(() => rmSync(state, { recursive: true, force: true }));
  return {
    ...{ gateway, username: 'alice', timeoutMs: 5000, retries: 2, maxWaitMs: 1000, backoffBaseMs: 10 },
    ...{ uid: process.getuid?.(), userAgent: 'test/1', signal: new AbortController().signal },
    log: { warn() {}, info() {}, verbose() {} },
    env: { PCRS_STATE_DIR: state, PCRS_PASSWORD: 'open sesame', ...env },
  };
}

async function withSimulator(t: TestContext, ...faults: string[]) {
  const simulator = await startSimulator({
    seed: 1,
    policies: 1,
    hosts: 1,
    controls: 1,
    faults,
  });
  t.after(() => simulator.close());
  const options = optionsFor(t, simulator.gateway);
  return { simulator, options };
}

/** A host that is not the simulator. */
async function withHost(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A token like a gateway's for these modules; nobody checks its signature here. */
function tokenFor(...modulesAllowed: string[]): string {
  const claims = { sub: 'alice', exp: Math.floor(Date.now() / 1000) + 3600, modulesAllowed };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
}

const json =
  (status: number, body = '[]', headers = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);

test('sends one request with the live token and finds no problem', async (t) => {
  const { simulator, options } = await withSimulator(t);
  await openSession(options);
  const { facts, ...found } = await diagnose(options);
  assert.equal(facts?.username, 'alice');
  assert.deepEqual(found, { warnings: [], failure: undefined });
  assert.deepEqual(
    simulator.requests.map(({ path }) => path),
    ['/auth', '/pcrs/2.0/posture/policy/list'],
  );
});

test('never sends a password: without a token it says so once the gateway has answered', async (t) => {
  const { simulator, options } = await withSimulator(t);
  const { facts, failure } = await diagnose(options);
  assert.equal(facts, undefined);
  assert.match(failure?.message ?? '', /no valid token of alice/);
  assert.deepEqual(
    simulator.requests.map(({ path }) => path),
    ['/pcrs/2.0/posture/policy/list'],
  );
});

test('advises on a revoked token, a missing permission, a busy gateway and a foreign answer', async (t) => {
  const cases: [string, string, RegExp][] = [
    ['list:1:expired', 'PCRS_REFUSED', /answers 401 .*; run pcrs-auth --renew$/],
    ['list:1:status=403', 'PCRS_REFUSED', /answers 403 .* the Policy Compliance module$/],
    ['list:1:status=503', 'PCRS_GATEWAY', /answers 503 .* try later$/],
    ['list:1:status=404', 'PCRS_GATEWAY', /answers 404 .* is --gateway right/],
    ['list:1:html', 'PCRS_GATEWAY', /answers 200, unlike any Qualys gateway/],
    ['list:1:redirect', 'PCRS_GATEWAY', /302 \(redirect to https:\/\/gateway\.elsewhere/],
  ];
  for (const [fault, code, message] of cases) {
    const { options } = await withSimulator(t, fault);
    await openSession(options);
    const { facts, failure } = await diagnose(options);
    assert.ok(facts, fault);
    assert.equal((failure as { code?: string }).code, code, fault);
    assert.match(failure?.message ?? '', message);
  }
});

test('names a missing host or proxy, and what to check', async (t) => {
  const nobody = 'http://127.0.0.1:1';
  const absent = await diagnose(optionsFor(t, nobody));
  assert.equal((absent.failure as { code?: string }).code, 'PCRS_GATEWAY');
  assert.match(absent.failure!.message, /no connection .* is --gateway right.* --proxy/);
  const gateway = await withHost(t, json(200));
  const behind = await diagnose({ ...optionsFor(t, gateway), proxy: nobody });
  assert.match(behind.failure!.message, /--proxy/);
});

test('warns about a clock off by more than a minute, with minutes and direction', async (t) => {
  for (const [minutes, said] of [
    [10, /10 min behind/],
    [-10, /10 min ahead of/],
    [0, undefined],
  ] as const) {
    const date = new Date(Date.now() + minutes * 60_000).toUTCString();
    const options = optionsFor(t, await withHost(t, json(401, '{}', { date })));
    const { warnings } = await diagnose(options);
    assert.equal(warnings.length, said === undefined ? 0 : 1);
    if (said) assert.match(warnings[0]!, said);
  }
});

test('warns about a token whose modules lack Policy Compliance, and about no other', async (t) => {
  const gateway = await withHost(t, json(200));
  const warnings = async (...modules: string[]) =>
    (await diagnose(optionsFor(t, gateway, { PCRS_TOKEN: tokenFor(...modules) }))).warnings;
  assert.match((await warnings('VM', 'WAS'))[0]!, /allows only VM, WAS, but not Policy Compliance/);
  assert.match((await warnings())[0]!, /allows no module/);
  for (const name of ['PC', 'PC SCANNER', 'PC_AGENT', 'SCA_AGENT'])
    assert.deepEqual(await warnings('VM', name), []);
});
