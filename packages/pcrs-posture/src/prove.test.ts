import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LineMemory, linesOf, prove } from './prove.ts';
import { type Part, Spool } from './spool.ts';

const elements = Array.from({ length: 4000 }, (_, id) => `{"id":${id},"text":"${'é'.repeat(id % 200)}"}`);
const body = gzipSync(`[${elements.join(',\n')}]`);
const lines = elements.map((element) => `{"kind":"posture",${element.slice(1)}\n`).join('');

async function* chunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function text(
  blocks:
    | AsyncIterable<{ bytes: Uint8Array; count: number }>
    | Iterable<{ bytes: Uint8Array; count: number }>,
): Promise<string> {
  let found = '';
  for await (const { bytes, count } of blocks) {
    const part = Buffer.from(bytes).toString();
    assert.equal(part.split('\n').length - 1, count);
    found += part;
  }
  return found;
}

const spooled = (): Part => new Spool({ memoryBytes: 0 }).open();

describe('a proof', () => {
  it('counts, spools and sums up a body, and keeps its lines if they are few', async () => {
    const part = spooled();
    const proof = await prove(chunks(body), part, 'posture', [], new LineMemory());
    const { records, bytes, sha256 } = proof;
    const expected = {
      records: elements.length,
      bytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
    };
    assert.deepEqual({ records, bytes, sha256 }, expected);
    assert.equal(await text(proof.lines ?? []), lines);
    assert.ok(body.equals(Buffer.concat(await Array.fromAsync(part.read()))));
    await part.discard();
  });

  it('keeps lines only within their memory, and makes the others again from the body', async () => {
    for (const limit of [0, 20_000, lines.length - 1]) {
      const part = spooled();
      const memory = new LineMemory(limit);
      const { lines: kept, records } = await prove(chunks(body), part, 'posture', [], memory);
      assert.deepEqual([kept, records], [undefined, elements.length]);
      assert.ok(memory.take(limit), 'all memory is given back');
      assert.equal(await text(linesOf(part.read(), 'posture', [])), lines);
      await part.discard();
    }
  });

  it('returns the memory for lines if the body is broken', async () => {
    const memory = new LineMemory(1 << 20);
    await assert.rejects(prove(chunks(body.subarray(0, -1)), undefined, 'posture', [], memory), {
      code: 'PCRS_BROKEN_BODY',
    });
    assert.ok(memory.take(1 << 20));
  });
});
