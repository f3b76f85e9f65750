import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOutput } from './output.ts';

test('writes lines and blocks in order', async () => {
  const stream = new PassThrough();
  const output = openOutput(stream, assert.fail);
  output.write('a\n');
  output.write(Buffer.from('b\n'));
  output.write('c\n');
  await output.record({ d: 1 });
  await output.flush();
  stream.end();
  assert.equal(Buffer.concat(await stream.toArray()).toString(), 'a\nb\nc\n{"d":1}\n');
});

test('sends a line within the turn, without a flush', async () => {
  const stream = new PassThrough();
  openOutput(stream, assert.fail).write('a\n');
  for (let waited = 0; stream.readableLength === 0 && waited < 10_000; waited += 20) await sleep(20);
  assert.equal(String(stream.read()), 'a\n');
});

test('makes a writer wait while the reader is behind, and resume once it has caught up', async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const output = openOutput(stream, assert.fail);
  let taken = false;
  const waiting = Promise.resolve(output.write(Buffer.alloc(100_000))).then(() => {
    taken = true;
  });
  await sleep(20);
  assert.equal(taken, false);
  stream.resume();
  await waiting;
});

test('a reader that went away ends the wait and every later write', async () => {
  const failures: string[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, callback) {
      setTimeout(() => callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })), 10);
    },
  });
  const output = openOutput(stream, (error) => failures.push((error as unknown as { code: string }).code));
  await assert.rejects(Promise.resolve(output.write(Buffer.alloc(100_000))), { code: 'PCRS_READER_GONE' });
  assert.throws(() => output.write('more\n'), { code: 'PCRS_READER_GONE' });
  assert.deepEqual(failures, ['PCRS_READER_GONE']);
});

test('reports a full disk as a failure of the machine', async () => {
  const stream = new Writable({
    write(_chunk, _encoding, callback) {
      callback(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
    },
  });
  const output = openOutput(stream, () => {});
  output.write('a\n');
  await assert.rejects(output.flush(), {
    code: 'PCRS_MACHINE',
    message: 'stdout: ENOSPC: no space left on device, write',
  });
});
