import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { watchIdle } from './idle-watch.ts';

test('fires after a silence, and not while bytes come', async () => {
  let fired = 0;
  const watch = watchIdle(60, () => (fired += 1));
  for (let i = 0; i < 6; i += 1) {
    await delay(20);
    watch.touch();
  }
  assert.equal(fired, 0);
  await delay(150);
  assert.equal(fired, 1);
});

test('does not count time in which our reader holds the body back', async () => {
  let fired = 0;
  const watch = watchIdle(60, () => (fired += 1));
  watch.pause();
  await delay(150);
  assert.equal(fired, 0);
  watch.resume();
  await delay(10);
  assert.equal(fired, 0);
  await delay(150);
  assert.equal(fired, 1);
});

test('resumes counting if the reader pauses again and again and no byte comes', async () => {
  let fired = 0;
  const watch = watchIdle(80, () => (fired += 1));
  for (let i = 0; i < 8 && fired === 0; i += 1) {
    await delay(30);
    watch.pause();
    await delay(5);
    watch.resume();
  }
  assert.equal(fired, 1);
});

test('does not count time in which this process was busy', async () => {
  let fired = 0;
  const watch = watchIdle(40, () => (fired += 1));
  const until = performance.now() + 100;
  setTimeout(() => setImmediate(() => watch.touch()));
  while (performance.now() < until);
  await delay(5);
  assert.equal(fired, 0);
  watch.stop();
});
