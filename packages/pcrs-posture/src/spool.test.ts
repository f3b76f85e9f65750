import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Part, Spool } from './spool.ts';

const MEBIBYTE = 1 << 20;
let directory = '';

async function fill(part: Part, bytes: Uint8Array, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) await part.write(bytes.subarray(at, at + size));
  await part.finish();
}

async function contents(part: Part): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('the spool', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spool-test-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('gives back what was written, as often as asked, from memory and from a file', async () => {
    const bytes = Buffer.alloc(3 * MEBIBYTE + 77, 'a text of some length ');
    for (const memoryBytes of [0, MEBIBYTE, 64 * MEBIBYTE]) {
      for (const size of [1009, 65_536, bytes.length]) {
        const part = new Spool({ directory, memoryBytes }).open();
        await fill(part, bytes, size);
        assert.ok(bytes.equals(await contents(part)));
        assert.ok(bytes.equals(await contents(part)));
        await part.discard();
        await part.discard();
      }
    }
  });

  it('shares one memory limit among all parts and gives memory back', async () => {
    const spool = new Spool({ directory: '/nowhere', memoryBytes: 2 * MEBIBYTE });
    const bytes = Buffer.alloc(MEBIBYTE, 'x');
    const parts = [spool.open(), spool.open(), spool.open()];
    await fill(parts[0]!, bytes, 5000);
    await fill(parts[1]!, bytes, 5000);
    await assert.rejects(fill(parts[2]!, bytes, 5000), {
      code: 'PCRS_MACHINE',
      message: /^\/nowhere: .*--temp-dir/,
    });
    await parts[0]!.discard();
    const next = spool.open();
    await fill(next, bytes, 5000);
    assert.ok(bytes.equals(await contents(next)));
  });

  it('leaves no named file behind, even while in use', async () => {
    const part = new Spool({ directory, memoryBytes: 0 }).open();
    await fill(part, Buffer.from('secret'), 2);
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(String(await contents(part)), 'secret');
    await part.discard();
  });
});
