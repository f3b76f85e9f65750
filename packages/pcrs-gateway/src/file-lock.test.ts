import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { withFileLock } from './file-lock.ts';
import { temporaryDirectory } from './http/local-gateway.test.ts';

const { signal } = new AbortController();
const module = JSON.stringify(new URL('./file-lock.ts', import.meta.url).href);
const program = (code: string) => [
  '--input-type=module-typescript',
  '-e',
  `const { withFileLock } = await import(${module}); const { signal } = new AbortController();
   const { readFileSync, writeFileSync } = await import('node:fs'); ${code}`,
];

test('lets one at a time in, within a process and across processes', async (t) => {
  const directory = temporaryDirectory(t);
  const [lock, counter] = [join(directory, 'x.lock'), join(directory, 'counter')];
  writeFileSync(counter, '0');
  // Read, wait, write: without the lock increments would be lost.
  const code = `for (let i = 0; i < 25; i += 1) {
    await withFileLock(${JSON.stringify(lock)}, signal, async () => {
      const count = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 1));
      writeFileSync(${JSON.stringify(counter)}, String(count + 1));
    });
  }`;
  const run = () => promisify(execFile)(process.execPath, program(code));
  await Promise.all([run(), run(), run()]);
  assert.equal(readFileSync(counter, 'utf8'), '75');
  assert.deepEqual(readdirSync(directory), ['counter']);
});

test('takes over the lock of a process that was killed, and lets only one do so', async (t) => {
  const directory = temporaryDirectory(t);
  const lock = join(directory, 'x.lock');
  const code = `await withFileLock(${JSON.stringify(lock)}, signal, () => {
    console.log('held');
    return new Promise(() => setInterval(() => {}, 1000));
  });`;
  const child = spawn(process.execPath, program(code), { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.ok(existsSync(lock));
  let inside = 0;
  let most = 0;
  // Sooner than a lock without a sign of life would be given up.
  const soon = AbortSignal.timeout(10_000);
  const enter = () =>
    withFileLock(lock, soon, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(2);
      inside -= 1;
    });
  await Promise.all([enter(), enter(), enter(), enter()]);
  assert.equal(most, 1);
  assert.deepEqual(readdirSync(directory), []);
});

test('takes over a lock that shows no life for 30 s, and one that names nobody', async (t) => {
  const lock = join(temporaryDirectory(t), 'x.lock');
  const contents = [JSON.stringify({ pid: 1, machine: 'another machine', nonce: 'n-1' }), ''];
  for (const content of contents) {
    writeFileSync(lock, content);
    utimesSync(lock, new Date(), new Date(Date.now() - 31_000));
    assert.equal(await withFileLock(lock, signal, () => 'in'), 'in');
  }
});

test('waits for a live holder, until it is interrupted', async (t) => {
  const lock = join(temporaryDirectory(t), 'x.lock');
  const stop = new AbortController();
  await withFileLock(lock, signal, async () => {
    const waiting = withFileLock(lock, stop.signal, () => assert.fail('must not enter'));
    setTimeout(() => stop.abort(new Error('interrupted')), 50);
    await assert.rejects(waiting, /interrupted/);
  });
  assert.equal(existsSync(lock), false);
});

test('gives the lock back when the work throws', async (t) => {
  const lock = join(temporaryDirectory(t), 'x.lock');
  await assert.rejects(
    withFileLock(lock, signal, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(existsSync(lock), false);
});
