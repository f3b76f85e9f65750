import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { containerCommand, noContainers } from '../../../test/support/container.ts';
import { failing, noPreload, preload } from '../../../test/support/preload.ts';
import { lockTimes, openLock, withLock } from './lock.ts';
import { thisProcess } from './process-alive.ts';

const { signal } = new AbortController();
const times = lockTimes({ PCRS_LOCK_LEASE: '1' });
const module = JSON.stringify(new URL('./lock.ts', import.meta.url).href);
/** Messages about waiting, and options to take a lock. */
const said: string[] = [];
const options = { what: 'out', signal, times, info: (message: string) => said.push(message) };

function placeOf(t: TestContext): { folder: string; path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, path: join(folder, 'lock') };
}

/** Node arguments for a program that has `path` and the lock module. */
const program = (path: string, code: string, lease = '1') => [
  '--input-type=module-typescript',
  '-e',
  `const { lockTimes, openLock, withLock } = await import(${module});
   const { readFileSync, writeFileSync } = await import('node:fs');
   const path = ${JSON.stringify(path)};
   const options = { what: 'out', signal: new AbortController().signal, info() {},
     times: lockTimes({ PCRS_LOCK_LEASE: '${lease}' }) };
   ${code}`,
];
const holding = "await openLock(path, options); console.log('held'); setInterval(() => {}, 1000);";

/** A process that holds the lock. */
async function holder(t: TestContext, path: string, code = holding, command = process.execPath, lease = '1') {
  const args = program(path, code, lease);
  const [file, all] =
    command === process.execPath ? [command, args] : containerCommand(command, [process.execPath, ...args]);
  const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await saidBy(child);
  return child;
}

/** The next output of a process; fails if it ends instead. */
async function saidBy(child: ChildProcess): Promise<string> {
  const ended = new AbortController();
  const onClose = (code: number | null, by: string | null) =>
    ended.abort(new Error(`the holder ended: ${code ?? by}`));
  child.once('close', onClose);
  try {
    return String((await once(child.stdout!, 'data', { signal: ended.signal }))[0]);
  } finally {
    child.off('close', onClose);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

test('admits one holder at a time, within a process and across processes', async (t) => {
  const { folder, path } = placeOf(t);
  const counter = join(folder, 'counter');
  writeFileSync(counter, '0');
  // Read, wait, write: without the lock, increments get lost.
  const code = `for (let i = 0; i < 25; i += 1) {
    await withLock(path, options, async () => {
      const count = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 1));
      writeFileSync(${JSON.stringify(counter)}, String(count + 1));
    });
  }`;
  const run = () => promisify(execFile)(process.execPath, program(path, code));
  await Promise.all([run(), run(), run()]);
  assert.equal(readFileSync(counter, 'utf8'), '75');
  assert.deepEqual(readdirSync(folder), ['counter']);
});

test('refuses at once if the holder lives on this machine, and names it', async (t) => {
  const { path } = placeOf(t);
  const child = await holder(t, path);
  const startedMs = performance.now();
  await assert.rejects(openLock(path, options), {
    code: 'PCRS_BUSY',
    message: new RegExp(`^out: another run is working there \\(pid ${child.pid} on \\S+ since 20`),
  });
  assert.ok(performance.now() - startedMs < times.leaseMs / 2, 'at once');
});

test('refuses a second lock within one process', async (t) => {
  const { folder, path } = placeOf(t);
  const lock = await openLock(path, options);
  await assert.rejects(openLock(path, options), { code: 'PCRS_BUSY' });
  lock.stillMine();
  lock.release();
  (await openLock(path, options)).release();
  assert.deepEqual(readdirSync(folder), []);
});

test('takes over the lock of a killed process at once, and lets only one do so', async (t) => {
  const { folder, path } = placeOf(t);
  await kill(await holder(t, path));
  assert.ok(existsSync(path));
  let inside = 0;
  let most = 0;
  const long = { ...options, times: lockTimes({}), signal: AbortSignal.timeout(10_000) };
  const enter = () =>
    withLock(path, long, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(2);
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter(), enter()]);
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(folder), []);
});

/** A lock left by an earlier process. */
function leave(path: string, claim: object): void {
  writeFileSync(
    path,
    `${JSON.stringify({ ...thisProcess(), host: 'pod-1', since: '2026-11-28T00:00:00Z', nonce: 'n-1', ...claim })}\n0000000000`,
  );
}

test('recognises a reused process id, its own included', async (t) => {
  const { path } = placeOf(t);
  const long = { ...options, times: lockTimes({}), signal: AbortSignal.timeout(10_000) };
  for (const claim of [{ pid: process.ppid, started: '1' }, { started: null }]) {
    if (claim.started !== null && thisProcess().started === null) continue;
    leave(path, claim);
    (await openLock(path, long)).release();
  }
});

test('waits for a heartbeat of a holder elsewhere, logs it, and takes over if none comes', async (t) => {
  const { path } = placeOf(t);
  for (const content of ['claim', '']) {
    said.length = 0;
    if (content === '') writeFileSync(path, '');
    else leave(path, { machine: 'another machine' });
    const startedMs = performance.now();
    (await openLock(path, options)).release();
    assert.ok(performance.now() - startedMs >= times.leaseMs, 'waited for the whole lease');
    const who = content === '' ? 'an unknown process' : `pid ${process.pid} on pod-1 since 2026-.*`;
    assert.match(said.join('|'), new RegExp(`^out: locked by ${who}; waiting up to 2 s for a sign of life`));
    assert.equal(said.length, 1);
  }
});

test('does not wait again for work done under a lock that was taken over', async (t) => {
  const { path } = placeOf(t);
  const long = { ...options, times: lockTimes({}) };
  leave(path, { machine: 'another machine', under: 'n-0' });
  (await openLock(path, { ...long, under: 'n-2', signal: AbortSignal.timeout(10_000) })).release();
  for (const under of ['n-0', undefined]) {
    leave(path, { machine: 'another machine', under: 'n-0' });
    const waiting = openLock(path, { ...long, under, signal: AbortSignal.timeout(500) });
    await assert.rejects(waiting, { name: 'TimeoutError' }, `under ${under}`);
  }
  // A live holder keeps its lock, whoever holds the lock above it.
  leave(path, { pid: process.ppid, started: null, under: 'n-0' });
  await assert.rejects(openLock(path, { ...long, under: 'n-2' }), { code: 'PCRS_BUSY' });
});

test('waits without a right clock: the file may be from any time', async (t) => {
  const { path } = placeOf(t);
  leave(path, { machine: 'another machine', since: '9999-01-01T00:00:00Z' });
  spawnSync('touch', ['-d', '2099-01-01', path]);
  (await openLock(path, options)).release();
});

test('refuses once a holder in another container shows a heartbeat, while its program is busy', {
  skip: noContainers,
}, async (t) => {
  const { path } = placeOf(t);
  const busy = `await openLock(path, options);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    console.log('held');
    for (const end = Date.now() + 20_000; Date.now() < end; );`;
  const patient = lockTimes({ PCRS_LOCK_LEASE: '8' });
  await holder(t, path, busy, 'pod-a', '8');
  const startedMs = performance.now();
  await assert.rejects(openLock(path, { ...options, times: patient }), {
    code: 'PCRS_BUSY',
    message: /pid 1 on pod-a since/,
  });
  assert.ok(performance.now() - startedMs < patient.leaseMs, 'before its lease was over');
});

test('a killed container blocks its successors for at most its lease', {
  skip: noContainers,
}, async (t) => {
  const { path } = placeOf(t);
  const ended = (child: ChildProcess) => once(child, 'close');
  for (const host of ['pod-a', 'pod-a', 'pod-b']) {
    const killed = await holder(t, path, holding, 'pod-a');
    await kill(killed);
    const startedMs = performance.now();
    const next = await holder(t, path, "await openLock(path, options); console.log('held');", host);
    assert.ok(performance.now() - startedMs < times.waitMs + 30_000);
    await ended(next);
    assert.ok(existsSync(path), 'it ended without giving its lock back');
  }
});

test('a holder that lost its lock learns it before it changes anything', async (t) => {
  const { path } = placeOf(t);
  // The signal would end a process that does not listen for it yet.
  const code = `const lock = await openLock(path, options);
    process.on('SIGUSR2', () => { try { lock.stillMine(); console.log('mine'); } catch (error) { console.log(error.code, error.message); } });
    setInterval(() => {}, 1000); console.log('held');`;
  const child = await holder(t, path, code);
  const answer = () => {
    child.kill('SIGUSR2');
    return saidBy(child);
  };
  assert.equal(await answer(), 'mine\n');
  // As seen from another machine, where the process cannot be checked.
  const claim = JSON.parse(readFileSync(path, 'utf8').split('\n')[0]!);
  child.kill('SIGSTOP');
  // Until it stands still it may write into the file that it has open.
  leave(`${path}.new`, { ...claim, machine: 'another machine' });
  renameSync(`${path}.new`, path);
  const lock = await openLock(path, options);
  child.kill('SIGCONT');
  assert.match(
    await answer(),
    /^PCRS_MACHINE out: another run took it over because this one had stopped renewing its lock/,
  );
  lock.stillMine();
  lock.release();
  assert.match(await answer(), /^PCRS_MACHINE/, 'a lock that nobody has is not its own either');
});

test('buries a lock over which another process died', async (t) => {
  const { folder, path } = placeOf(t);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  leave(path, { pid });
  writeFileSync(`${path}.n-1.stale`, '');
  (await openLock(path, options)).release();
  assert.deepEqual(readdirSync(folder), []);
});

test('waits for a live holder until interrupted or out of patience, and releases the lock if the work throws', async (t) => {
  const { path } = placeOf(t);
  const stop = new AbortController();
  await withLock(path, options, async () => {
    const waiting = withLock(path, { ...options, signal: stop.signal }, () => assert.fail('must not enter'));
    setTimeout(() => stop.abort(new Error('interrupted')), 50);
    await assert.rejects(waiting, /interrupted/);
  });
  await withLock(path, options, async () => {
    const waiting = withLock(path, { ...options, maxWaitMs: 50 }, () => assert.fail('must not enter'));
    await assert.rejects(waiting, { code: 'PCRS_BUSY', message: /^out: waited 0 s for pid \d+ on / });
  });
  await assert.rejects(
    withLock(path, options, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(existsSync(path), false);
});

test('holds on a file system without hard links', { skip: noPreload }, async (t) => {
  const { path } = placeOf(t);
  const { env, remove } = preload(failing({ link: 'EPERM', linkat: 'EPERM' }));
  t.after(remove);
  const code = `const lock = await openLock(path, options); const other = await openLock(path, options).catch((error) => error.code);
    lock.stillMine(); lock.release(); console.log(other, readFileSync('/proc/self/maps', 'utf8').includes('shim.so'));`;
  const { stdout } = await promisify(execFile)(process.execPath, program(path, code), {
    env: { ...process.env, ...env },
  });
  assert.equal(stdout, 'PCRS_BUSY true\n');
});

test('a lock keeps no process alive and leaves no thread behind', async (t) => {
  const { path } = placeOf(t);
  const code = "await openLock(path, options); setTimeout(() => console.log('over'), 3000);";
  const startedMs = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, program(path, code));
  assert.equal(stdout, 'over\n');
  assert.ok(performance.now() - startedMs < 60_000);
  assert.match(
    readFileSync(path, 'utf8').split('\n')[1]!,
    /^0{8}\d[1-9]$|^0{8}[1-9]0$/,
    'the thread was at work',
  );
});
