import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decoded } from './decoded.ts';

const text = `[${Array.from({ length: 300 }, (_, id) => JSON.stringify({ id, text: 'é'.repeat(id % 50) })).join(',')}]`;

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function decode(bytes: Uint8Array, size = 1000): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of decoded(chunks(bytes, size))) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

describe('a decoded body', () => {
  it('is gunzipped if its first bytes say so, for any chunking', async () => {
    for (const size of [3, 100_000]) {
      assert.equal(await decode(gzipSync(text), size), text);
      assert.equal(await decode(Buffer.from(text), size), text);
    }
  });

  it('may be gzip in gzip, several members in a row, or empty', async () => {
    assert.equal(await decode(gzipSync(gzipSync(text))), text);
    const members = Buffer.concat([gzipSync(text.slice(0, 999)), gzipSync(''), gzipSync(text.slice(999))]);
    for (const size of [1, 18, 100_000]) assert.equal(await decode(members, size), text);
    assert.equal(await decode(Buffer.alloc(0)), '');
    assert.equal(await decode(gzipSync('')), '');
    assert.equal(await decode(Buffer.of(0x1f)), '\x1f');
  });

  it("takes a chunk's memory back if it was only lent", async () => {
    const long = Buffer.alloc(2 << 20, '[{"a":1}]');
    const seen: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of decoded(chunks(gzipSync(long), 1000), { lend: true })) {
      assert.ok(long.subarray(length, length + chunk.length).equals(chunk));
      length += chunk.length;
      seen.push(chunk);
    }
    assert.equal(length, long.length);
    assert.ok(seen.filter((chunk) => chunk.byteLength === 0).length >= 7);
  });

  it('takes back no memory of an uncompressed body', async () => {
    const bytes = Buffer.alloc(1 << 20, '[{"a":1}]');
    const chunk = (at: number): Uint8Array => new Uint8Array(bytes.subarray(at << 18, (at + 1) << 18));
    const body = [0, 1, 2, 3].map(chunk);
    const given = async function* (): AsyncGenerator<Uint8Array> {
      yield* body;
    };
    for await (const _ of decoded(given(), { lend: true }));
    assert.ok(bytes.equals(Buffer.concat(body)));
  });

  it('is broken if it is cut at any byte', async () => {
    const body = gzipSync('[{"a":1}]');
    for (let length = 2; length < body.length; length++) {
      await assert.rejects(decode(body.subarray(0, length), 5), { code: 'PCRS_BROKEN_BODY' }, `${length}`);
    }
  });

  it('is broken if its checksum fails or anything follows it, even zeros', async () => {
    const body = gzipSync(text);
    for (const at of [body.length - 1, body.length - 6, body.length >> 1]) {
      const damaged = Buffer.from(body);
      damaged[at]! ^= 1;
      await assert.rejects(
        decode(damaged),
        { code: 'PCRS_BROKEN_BODY', message: /^the gzip data is broken: / },
        `${at}`,
      );
    }
    for (const tail of ['x', 'hello there', '\0\0\0\0', '\x1f', '[]']) {
      for (const size of [3, 1000, 100_000]) {
        await assert.rejects(
          decode(Buffer.concat([body, Buffer.from(tail, 'latin1')]), size),
          { code: 'PCRS_BROKEN_BODY' },
          tail,
        );
      }
    }
  });

  it('passes a connection error through unchanged, and closes when the reader stops', async () => {
    const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    let closed = 0;
    async function* breaking(): AsyncGenerator<Uint8Array> {
      try {
        yield* chunks(gzipSync(text).subarray(0, 500), 100);
        throw reset;
      } finally {
        closed++;
      }
    }
    await assert.rejects(async () => {
      for await (const _ of decoded(breaking()));
    }, reset);
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield gzipSync(text);
      } finally {
        closed++;
      }
    }
    for await (const _ of decoded(endless())) break;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(closed, 2);
  });

  it('refuses text gzipped again and again', async () => {
    await assert.rejects(decode(gzipSync(gzipSync(gzipSync(gzipSync(text))))), { code: 'PCRS_BROKEN_BODY' });
  });
});
