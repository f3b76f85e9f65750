import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { withLock } from 'pcrs-machine/lock';
import { type GatewayOptions, openGateway } from '../ask/gateway.ts';
import {
  type Answer,
  jwt,
  type LocalGatewayOptions,
  localGateway,
  optionsFor,
} from '../http/local-gateway.test.ts';
import { openAccount } from './account.ts';
import { TokenStore } from './token-store.ts';

const question = { endpoint: 'hostids', method: 'GET', path: '/x', query: {}, what: 'x' } as const;
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const refuseOld =
  (good: () => string): Answer =>
  (response, seen) =>
    seen.headers.authorization === `Bearer ${good()}`
      ? response.end('[]')
      : response.writeHead(401).end('{}');

async function open(
  t: TestContext,
  changes: Partial<GatewayOptions> = {},
  local?: LocalGatewayOptions,
  answer?: Answer,
) {
  const server = await localGateway(t, answer ?? ((response) => response.end('[]')), local);
  const given = optionsFor(t, server.url, changes);
  const store = new TokenStore(given.state, given.options.uid);
  const keep = (token: string, seconds: number, username = 'alice') =>
    store.write({
      gateway: server.url,
      username,
      token,
      expiresAt: new Date(Date.now() + seconds * 1000).toISOString(),
    });
  const start = async () => {
    const gateway = await openGateway(given.options);
    t.after(() => gateway.close());
    return { ask: () => gateway.ask(question, async () => 'answered') };
  };
  return { server, store, keep, start, ...given };
}
const noPassword = { env: { PCRS_PASSWORD: undefined } };

test('stores a login for the next process and uses a live token without a login', async (t) => {
  const { server, store, start } = await open(t);
  await (await start()).ask();
  const kept = store.read(server.url, 'alice')!;
  assert.equal(kept.token, server.tokens[0]);
  await (await start()).ask();
  assert.equal(server.logins.length, 1);
});

test('sends a wrong password once and names the refused user', async (t) => {
  const { server, start } = await open(
    t,
    {},
    {
      auth: (response) =>
        response.writeHead(401).end('{"authentication_exceptions":[["Authentication Failure: x"]]}'),
    },
  );
  const gateway = await start();
  for (let i = 0; i < 2; i += 1) {
    await assert.rejects(gateway.ask(), {
      code: 'PCRS_REFUSED',
      message:
        /\/auth: 401, Authentication Failure: x; the gateway refuses alice; check user and password, and that .* single sign-on$/,
    });
  }
  assert.equal(server.logins.length, 1);
});

test('retries a login after a 5xx, a wait, a dropped connection and half a token', async (t) => {
  const { server, start } = await open(
    t,
    {},
    {
      auth: (response, _seen, count) => {
        if (count === 1) return response.writeHead(500).end();
        if (count === 2) return response.destroy();
        if (count === 3) return response.writeHead(429, { 'retry-after': '0' }).end();
        if (count === 4) return response.writeHead(201).end(jwt({}).slice(0, 12));
        return response.writeHead(200).end(` ${jwt({ exp: inSeconds(100) })}\n`);
      },
    },
  );
  await (await start()).ask();
  assert.equal(server.logins.length, 5);
});

test('gives up a login whose wait exceeds --max-wait, and does not announce that wait', async (t) => {
  const slow: LocalGatewayOptions = {
    auth: (response) => response.writeHead(429, { 'retry-after': '60' }).end(),
  };
  const { start, told } = await open(t, { maxWaitMs: 30_000 }, slow);
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_GATEWAY',
    message: /\/auth: 429; a wait of 61 s exceeds --max-wait \(30 s\)$/,
  });
  assert.deepEqual(told.info, []);
});

test('does not accept a login response without a valid token', async (t) => {
  const { start } = await open(t, {}, { auth: (response) => response.end('<html><title>Log in</title>') });
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_GATEWAY',
    message: /\/auth: 200 without a token: "Log in"/,
  });
});

test("takes a token's end from its claims, else four hours from now", async (t) => {
  const exp = inSeconds(5000);
  let token = jwt({ exp });
  const { options } = await open(t, {}, { auth: (response) => response.end(token) });
  const account = await openAccount(options);
  t.after(() => account.close());
  assert.equal((await account.tokens.live()).expiresMs, exp * 1000);
  token = 'opaque.to.us';
  const left = (await account.tokens.force()).expiresMs - Date.now();
  assert.ok(Math.abs(left - 4 * 3_600_000) < 60_000);
  // A clock hours apart from the gateway's: only the life counts.
  token = jwt({ iat: inSeconds(-9000), exp: inSeconds(-5400) });
  const skewed = (await account.tokens.force()).expiresMs - Date.now();
  assert.ok(Math.abs(skewed - 3_600_000) < 60_000);
});

test('renews before the end: below 15 minutes, or a tenth of a shorter life', async (t) => {
  const cases: [string, lifeSeconds: number, left: number, renewed: boolean][] = [
    ['14 of 240 minutes', 14_400, 14 * 60, true],
    ['16 of 240 minutes', 14_400, 16 * 60, false],
    ['5 of 60 minutes', 3600, 5 * 60, true],
    ['7 of 60 minutes', 3600, 7 * 60, false],
  ];
  for (const [name, life, left, renewed] of cases) {
    const { server, keep, start } = await open(t);
    keep(jwt({ iat: inSeconds(left - life), exp: inSeconds(left) }), left);
    await (await start()).ask();
    assert.equal(server.logins.length, renewed ? 1 : 0, name);
  }
});

test('keeps using a token whose early renewal failed, and does not send a refused password again', async (t) => {
  let isGood = true;
  const { server, keep, start, told } = await open(
    t,
    {},
    { auth: (response) => response.writeHead(401).end('{}') },
    (response) => (isGood ? response.end('[]') : response.writeHead(401).end('{}')),
  );
  keep(jwt({ iat: inSeconds(-14_000), exp: inSeconds(400) }), 400);
  const gateway = await start();
  await gateway.ask();
  await gateway.ask();
  assert.equal(told.warn.length, 1);
  assert.match(told.warn[0]!, /could not be renewed before it expires: .*401.*refuses alice/);
  isGood = false;
  await assert.rejects(gateway.ask(), { code: 'PCRS_REFUSED', message: /refuses alice/ });
  assert.equal(server.logins.length, 1);
});

test('on a 401, uses the token that another process renewed, without a login', async (t) => {
  let good = 'first.token.x';
  const { server, keep, start } = await open(
    t,
    {},
    {},
    refuseOld(() => good),
  );
  keep(good, 10_000);
  const gateway = await start();
  await gateway.ask();
  good = 'second.token.x';
  keep(good, 10_000);
  await gateway.ask();
  assert.equal(server.logins.length, 0);
  assert.equal(server.asked.length, 3);
});

test('without credentials, continues until a 401, then says run pcrs-auth again', async (t) => {
  let good = 'first.token.x';
  const { server, keep, start, options } = await open(
    t,
    noPassword,
    {},
    refuseOld(() => good),
  );
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_REFUSED',
    message: `${options.gateway}: no valid token of alice and no credentials; run pcrs-auth again`,
  });
  keep(good, 60);
  const gateway = await start();
  await gateway.ask();
  good = 'second.token.x';
  await assert.rejects(gateway.ask(), {
    code: 'PCRS_REFUSED',
    message: /refused the token.*run pcrs-auth again/,
  });
  assert.equal(server.logins.length, 0);
});

test('says when the token of a file ended, and does not send it', async (t) => {
  const { server, keep, start } = await open(t, noPassword);
  keep('old.token.x', -60);
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_REFUSED',
    message: /the token of alice expired at 20.*again/,
  });
  assert.equal(server.asked.length, 0);
});

test('sends no password for a user that its source does not name', async (t) => {
  const { server, start } = await open(t, {
    username: 'bob',
    origins: { username: 'flag' },
    env: { PCRS_USERNAME: 'alice' },
  });
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_REFUSED',
    message: /\(PCRS_PASSWORD is for alice\)/,
  });
  assert.equal(server.logins.length, 0);
});

test('runs a token command again when its token is refused', async (t) => {
  let good = 'first.token.x';
  const { server, start, options, state } = await open(
    t,
    noPassword,
    {},
    refuseOld(() => good),
  );
  const place = join(state, 'token');
  writeFileSync(place, good);
  options.tokenCommand = `cat ${place}`;
  options.env = { ...options.env, PATH: process.env['PATH'] };
  const gateway = await start();
  await gateway.ask();
  good = 'second.token.x';
  writeFileSync(place, good);
  await gateway.ask();
  assert.equal(server.asked.at(-1)!.headers.authorization, 'Bearer second.token.x');
});

test('prefers PCRS_TOKEN to a token file, and cannot renew it', async (t) => {
  const { server, keep, start } = await open(t, {
    env: { PCRS_PASSWORD: undefined, PCRS_TOKEN: 'from.environment.x' },
  });
  keep('from.file.x', 10_000, 'carol');
  await (await start()).ask();
  assert.equal(server.asked[0]!.headers.authorization, 'Bearer from.environment.x');
  for (const text of ['Bearer as.copied.x', ' bearer  as.copied.x\n', 'Authorization: Bearer as.copied.x']) {
    const copied = await open(t, { env: { PCRS_PASSWORD: undefined, PCRS_TOKEN: text } });
    await (await copied.start()).ask();
    assert.equal(copied.server.asked[0]!.headers.authorization, 'Bearer as.copied.x');
  }
  const ended = await open(t, { env: { PCRS_PASSWORD: undefined, PCRS_TOKEN: jwt({ exp: inSeconds(-5) }) } });
  await assert.rejects((await ended.start()).ask(), {
    code: 'PCRS_REFUSED',
    message: /PCRS_TOKEN expired at/,
  });
});

test('keeps the token in memory if nothing can be written, with one warning', async (t) => {
  for (const place of ['no directory', 'a file in the way']) {
    const { server, start, told, options, state } = await open(t);
    if (place === 'no directory') options.env = { PCRS_PASSWORD: 'open sesame' };
    else {
      const file = join(state, 'file');
      writeFileSync(file, '');
      options.env = { ...options.env, PCRS_STATE_DIR: join(file, 'below') };
    }
    const gateway = await start();
    await gateway.ask();
    await gateway.ask();
    assert.equal(server.logins.length, 1);
    assert.equal(told.warn.length, 1, place);
    assert.match(told.warn[0]!, /the token stays in memory and requests are paced by this process alone/);
  }
});

test('refuses a state directory that others can enter', { skip: process.getuid === undefined }, async (t) => {
  const { start, state, server } = await open(t);
  mkdirSync(join(state, 'tokens'));
  chmodSync(join(state, 'tokens'), 0o777);
  await assert.rejects((await start()).ask(), {
    code: 'PCRS_USAGE',
    message: /others may use it \(mode 0777\)/,
  });
  assert.equal(server.logins.length, 0);
});

test('waits for a login in progress, and uses its token', async (t) => {
  const { server, start } = await open(
    t,
    {},
    { auth: (response) => void setTimeout(() => response.end(jwt({ exp: inSeconds(1000) })), 100) },
  );
  const gateways = [await start(), await start(), await start()];
  await Promise.all(gateways.map((gateway) => gateway.ask()));
  assert.equal(server.logins.length, 1);
});

test("waits at most --max-wait for another process's login", async (t) => {
  const { server, store, start } = await open(t, { maxWaitMs: 200 });
  const { signal } = new AbortController();
  const locking = { what: 'the token', signal, info() {} };
  await withLock(store.lockPath(server.url, 'alice'), locking, async () => {
    await assert.rejects((await start()).ask(), {
      code: 'PCRS_GATEWAY',
      message: /the token: waited 0 s for pid \d+ on \S+ since \S+ \(--max-wait\)/,
    });
  });
  assert.equal(server.logins.length, 0);
  assert.equal(await (await start()).ask(), 'answered');
});

test('logs in once when several processes start or renew together', async (t) => {
  const { server, state, store } = await open(t, {}, { auth: undefined as never });
  const code = `
    const { openGateway } = await import(${JSON.stringify(new URL('../ask/gateway.ts', import.meta.url).href)});
    const log = { warn: console.error, info() {}, verbose() {} };
    const gateway = await openGateway({
      gateway: ${JSON.stringify(server.url)}, username: 'alice', timeoutMs: 5000, retries: 0, maxWaitMs: 1000,
      rate: { requests: 100, seconds: 1 }, concurrency: 9, userAgent: 'x', signal: new AbortController().signal, log,
      env: process.env, uid: process.getuid?.(),
    });
    await gateway.ask({ endpoint: 'hostids', method: 'GET', path: '/x', query: {}, what: 'x' }, async () => 1);
    await gateway.close();`;
  const env = { ...process.env, PCRS_STATE_DIR: state, PCRS_PASSWORD: 'open sesame' };
  const run = () =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=pcrs-source', '--input-type=module-typescript', '-e', code],
      { env },
    );
  const results = await Promise.all([run(), run(), run()]);
  assert.deepEqual(
    results.map(({ stderr }) => stderr),
    ['', '', ''],
  );
  assert.equal(server.asked.length, 3);
  assert.equal(server.logins.length, 1);
  const path = store.path(server.url, 'alice');
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).token, server.tokens[0]);
  assert.ok(statSync(path).isFile());
});
