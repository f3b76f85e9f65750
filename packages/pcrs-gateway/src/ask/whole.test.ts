import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { wholeBody } from './whole.ts';

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('unpacks by the first bytes: plain, gzip, gzip twice, several members', async () => {
  const text = JSON.stringify({ policyList: [1, 2, 3] });
  const twoMembers = Buffer.concat([gzipSync(text.slice(0, 7)), gzipSync(text.slice(7))]);
  for (const bytes of [Buffer.from(text), gzipSync(text), gzipSync(gzipSync(text)), twoMembers]) {
    assert.equal((await wholeBody(inChunks(bytes, 3))).toString(), text);
  }
  assert.equal((await wholeBody(inChunks(Buffer.alloc(0), 3))).length, 0);
});

test('reports cut or damaged gzip as a broken body', async () => {
  const packed = gzipSync('x'.repeat(1000));
  const damaged = Buffer.from(packed);
  damaged[damaged.length - 5]! ^= 0xff;
  for (const bytes of [packed.subarray(0, packed.length - 9), damaged]) {
    await assert.rejects(wholeBody(inChunks(bytes, 10)), { code: 'PCRS_BROKEN_BODY' });
  }
});

test('ends a body that is too large, packed or unpacked, and does not call it broken', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  await assert.rejects(wholeBody(inChunks(bomb, 1000), 1_000_000), { code: 'PCRS_GATEWAY', reason: 'fatal' });
  await assert.rejects(wholeBody(inChunks(Buffer.alloc(1001, 'x'), 100), 1000), { code: 'PCRS_GATEWAY' });
});
