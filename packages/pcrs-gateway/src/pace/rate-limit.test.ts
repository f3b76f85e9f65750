import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { withLock } from 'pcrs-machine/lock';
import { eventually, localGateway, temporaryDirectory } from '../http/local-gateway.test.ts';
import { type Blocked, Pacing, type PacingOptions, type Permit } from './rate-limit.ts';

const far = Number.MAX_SAFE_INTEGER;

function pacingIn(t: TestContext, changes: Partial<PacingOptions> = {}) {
  const told: (string | undefined)[] = [];
  const troubles: unknown[] = [];
  const infos: string[] = [];
  const stop = new AbortController();
  const stateRoot = temporaryDirectory(t);
  const options: PacingOptions = {
    ...{
      rate: { requests: 1000, seconds: 1 },
      concurrency: 100,
      stateRoot,
      gateway: 'https://gateway.example.net',
    },
    ...{ username: 'alice', uid: process.getuid?.(), signal: stop.signal },
    onUnwritable: (error) => void troubles.push(error),
    info: (message) => void infos.push(message),
    waiting: (text) => void told.push(text),
    allowed: () => {},
    ...changes,
  };
  return {
    options,
    told,
    troubles,
    infos,
    stop,
    stateRoot,
    pacing: new Pacing(options),
    open: () => new Pacing(options),
  };
}

const granted = (entered: Permit | Blocked): Permit => {
  assert.ok('leave' in entered, 'must be let in');
  return entered;
};
const enter = async (pacing: Pacing) => granted(await pacing.enter('hostids', far));
const pass = async (pacing: Pacing, headers = {}) => {
  const permit = await enter(pacing);
  await permit.landed(headers);
  await permit.leave();
};
const msOf = async (work: () => Promise<unknown>) => {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
};

test('lets a burst of the whole rate through, and the next after the window', async (t) => {
  const { pacing, told } = pacingIn(t, { rate: { requests: 5, seconds: 1 } });
  assert.ok(
    (await msOf(async () => {
      for (let i = 0; i < 5; i += 1) await pass(pacing);
    })) < 900,
  );
  assert.ok((await msOf(() => pass(pacing))) > 500);
  assert.match(told[0]!, /^rate 5\/1, 1 s$/);
  assert.equal(told.at(-1), undefined);
});

test('reports how many requests are still allowed, also if the headers say fewer', async (t) => {
  const allowed: number[][] = [];
  const rate = { requests: 5, seconds: 60 };
  const { pacing } = pacingIn(t, { rate, allowed: (left, seconds) => void allowed.push([left, seconds]) });
  await pass(pacing);
  await pass(pacing, {
    'x-ratelimit-limit': '4',
    'x-ratelimit-window-sec': '30',
    'x-ratelimit-remaining': '2',
  });
  await pass(pacing);
  assert.deepEqual(allowed, [
    [4, 60],
    [3, 60],
    [1, 30],
  ]);
});

test('counts endpoints, users and gateways separately', async (t) => {
  const { pacing, options } = pacingIn(t, { rate: { requests: 1, seconds: 3600 } });
  await pass(pacing);
  granted(await pacing.enter('postureInfo', far));
  await pass(new Pacing({ ...options, username: 'bob' }));
  await pass(new Pacing({ ...options, gateway: 'https://other.example.net' }));
});

test('keeps sent requests for the next process', async (t) => {
  const { pacing, open, stop, told } = pacingIn(t, { rate: { requests: 2, seconds: 3600 } });
  await pass(pacing);
  await pass(pacing);
  const waiting = open().enter('hostids', far);
  await eventually(() => told.length > 0);
  stop.abort(new Error('interrupted'));
  await assert.rejects(waiting, /interrupted/);
});

test('keeps a demanded wait across the process, and gives up if it exceeds the patience', async (t) => {
  const { pacing, open } = pacingIn(t);
  await pacing.block('hostids', 300, '429, slow');
  const other = open();
  const blocked = await other.enter('hostids', 100);
  assert.ok('why' in blocked && blocked.why === '429, slow');
  assert.ok((await msOf(() => pass(other))) > 200);
});

test('logs a long wait given to another process once, and does not repeat its own', async (t) => {
  const { pacing, open, infos, stop } = pacingIn(t);
  await pacing.block('hostids', 60_000, '429, slow');
  const waiting = [open().enter('hostids', far), pacing.enter('hostids', far)];
  await eventually(() => infos.length > 0);
  await delay(20);
  stop.abort(new Error('interrupted'));
  await Promise.all(waiting.map((one) => assert.rejects(one)));
  assert.deepEqual(infos, ['another process was asked to wait (429, slow); waiting 60 s']);
});

test('waits no longer for others than the gateway itself says', async (t) => {
  const { pacing } = pacingIn(t, { rate: { requests: 5, seconds: 3600 } });
  await pass(pacing, { 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' });
  await pacing.block('hostids', 100, '429');
  assert.ok((await msOf(() => pass(pacing))) < 2000);
});

test('keeps at most --concurrency requests in flight, across all processes', async (t) => {
  const { pacing, open } = pacingIn(t, { concurrency: 2 });
  const other = open();
  const held = [await enter(pacing), await enter(other)];
  let entered = false;
  const third = enter(other).then((permit) => {
    entered = true;
    return permit;
  });
  await delay(100);
  assert.equal(entered, false);
  await held[0]!.leave();
  await (await third).leave();
  await held[1]!.leave();
});

test('slows down to the limit in the headers if it is below the flag', async (t) => {
  const { pacing, told, stop } = pacingIn(t, { rate: { requests: 100, seconds: 1 } });
  const headers = {
    'x-ratelimit-limit': '3',
    'x-ratelimit-window-sec': '3600',
    'x-ratelimit-remaining': '0',
  };
  for (let i = 2; i >= 0; i -= 1) await pass(pacing, { ...headers, 'x-ratelimit-remaining': String(i) });
  const waiting = pacing.enter('hostids', far);
  await eventually(() => told.length > 0);
  assert.match(told[0]!, /^rate 3\/3600, 36\d\d s$/);
  stop.abort(new Error('interrupted'));
  await assert.rejects(waiting);
});

test('leaves room for other users of the subscription, seen in the remaining number', async (t) => {
  const { pacing, told } = pacingIn(t, { rate: { requests: 10, seconds: 1 } });
  // One request of ours, and nine are used: eight came from others within the last second.
  await pass(pacing, {
    'x-ratelimit-limit': '10',
    'x-ratelimit-window-sec': '1',
    'x-ratelimit-remaining': '1',
  });
  await pass(pacing);
  assert.deepEqual(told, []);
  assert.ok((await msOf(() => pass(pacing))) > 500);
});

test('takes over the slots of a killed process', async (t) => {
  const { options, stateRoot } = pacingIn(t, { concurrency: 1 });
  const code = `
    const { Pacing } = await import(${JSON.stringify(new URL('./rate-limit.ts', import.meta.url).href)});
    const pacing = new Pacing({ rate: { requests: 1000, seconds: 1 }, concurrency: 1,
      stateRoot: ${JSON.stringify(stateRoot)}, gateway: 'https://gateway.example.net', username: 'alice',
      uid: process.getuid?.(), signal: new AbortController().signal, onUnwritable() {}, info() {}, waiting() {}, allowed() {} });
    await pacing.enter('hostids', ${far});
    console.log('in');
    setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--conditions=pcrs-source', '--input-type=module-typescript', '-e', code],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const other = new Pacing(options);
  let entered = false;
  const entering = enter(other).then(() => {
    entered = true;
  });
  await delay(100);
  assert.equal(entered, false);
  child.kill('SIGKILL');
  await entering;
});

test('takes over the slot of a killed container once its heartbeats stop, and says why it waits', async (t) => {
  const { pacing, open, stateRoot, infos } = pacingIn(t, { concurrency: 1 });
  await pass(pacing);
  const path = join(stateRoot, 'pacing', 'gateway.example.net', 'alice.hostids.json');
  const killedMs = (agoMs: number) => {
    const state = JSON.parse(readFileSync(path, 'utf8'));
    const slot = { id: 's', pid: 1, machine: 'a container', started: '7', seenMs: Date.now() - agoMs };
    writeFileSync(path, JSON.stringify({ ...state, inFlight: [slot] }));
  };
  killedMs(29_500);
  const tookMs = await msOf(() => pass(open()));
  assert.ok(tookMs > 300 && tookMs < 5000, `${tookMs} ms`);
  assert.deepEqual(infos, [], 'the rest was short');
  killedMs(14_000);
  const blocked = await open().enter('hostids', 500);
  assert.ok('why' in blocked && blocked.waitedMs >= 500, 'it still may live');
  assert.deepEqual(infos, [
    'other requests in flight, one of them from another container or machine without a sign of life; waiting 16 s',
  ]);
});

test('waits at most --max-wait for state that another process is changing', async (t) => {
  const { pacing, stateRoot, troubles } = pacingIn(t, { locking: { maxWaitMs: 200 } });
  await pass(pacing);
  const [file] = readdirSync(stateRoot, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.hostids.json'),
  );
  const locking = { what: 'the pace', signal: new AbortController().signal, info() {} };
  await withLock(join(stateRoot, `${file}.lock`), locking, () =>
    assert.rejects(enter(pacing), { code: 'PCRS_GATEWAY', message: /the pace: waited .* \(--max-wait\)/ }),
  );
  await pass(pacing);
  assert.deepEqual(troubles, []);
});

test('paces alone, after one message, if nothing can be written', async (t) => {
  const inTheWay = temporaryDirectory(t);
  writeFileSync(join(inTheWay, 'pacing'), '');
  for (const stateRoot of [undefined, inTheWay]) {
    const { pacing, troubles, told } = pacingIn(t, { stateRoot, rate: { requests: 2, seconds: 1 } });
    await pass(pacing);
    await pass(pacing);
    assert.deepEqual(told, []);
    const third = pass(pacing);
    await eventually(() => told.length > 0);
    await third;
    assert.equal(troubles.length, 1);
  }
});

test('survives a torn or nonsensical state file, and a clock that was set back', async (t) => {
  const { pacing, open, stateRoot } = pacingIn(t, { rate: { requests: 2, seconds: 1 } });
  await pass(pacing);
  const directory = join(stateRoot, 'pacing', 'gateway.example.net');
  assert.deepEqual(readdirSync(directory), ['alice.hostids.json']);
  const path = join(directory, 'alice.hostids.json');
  assert.equal(statSync(path).mode & 0o077, 0);
  assert.doesNotMatch(readFileSync(path, 'utf8'), /token|password/i);
  for (const text of ['', '{"sent":[1', '[]', '{"sent":["x",null],"inFlight":[7]}']) {
    writeFileSync(path, text);
    await pass(open());
  }
  const future = Date.now() + 86_400_000;
  writeFileSync(path, JSON.stringify({ sent: [future, future], inFlight: [], windowMs: 1000 }));
  assert.ok((await msOf(() => pass(open()))) < 5000);
});

test('three parallel processes are never refused by a gateway with the same rolling limit', async (t) => {
  const rate = { requests: 20, seconds: 2 };
  const arrivals: number[] = [];
  let refused = 0;
  const local = await localGateway(t, (response) => {
    const now = performance.now();
    const inWindow = arrivals.filter((at) => at > now - rate.seconds * 1000).length;
    if (inWindow >= rate.requests) refused += 1;
    arrivals.push(now);
    response.writeHead(inWindow >= rate.requests ? 429 : 200).end('[]');
  });
  const code = `
    const { openGateway } = await import(${JSON.stringify(new URL('../ask/gateway.ts', import.meta.url).href)});
    const gateway = await openGateway({
      gateway: ${JSON.stringify(local.url)}, username: 'alice', timeoutMs: 5000, retries: 0, maxWaitMs: 60000,
      rate: ${JSON.stringify(rate)}, concurrency: 10, userAgent: 'x', signal: new AbortController().signal,
      log: { warn: console.error, info() {}, verbose() {} }, env: process.env, uid: process.getuid?.(),
    });
    const ask = () => gateway.ask({ endpoint: 'postureInfo', method: 'GET', path: '/x', query: {}, what: 'x' }, async () => 1);
    await Promise.all(Array.from({ length: 15 }, ask));
    await gateway.close();`;
  const env = { ...process.env, PCRS_STATE_DIR: temporaryDirectory(t), PCRS_PASSWORD: 'x' };
  const run = () =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=pcrs-source', '--input-type=module-typescript', '-e', code],
      { env },
    );
  await Promise.all([run(), run(), run()]);
  assert.deepEqual([arrivals.length, refused], [45, 0]);
});
