import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteBlocks, isBlank, type LineBlock, lineBlocks } from './lines.ts';

async function read(chunks: Uint8Array[]): Promise<LineBlock[]> {
  return Array.fromAsync(lineBlocks(chunks));
}

async function lines(text: string | Buffer, size = 1): Promise<string[]> {
  const bytes = Buffer.from(text);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return (await read(chunks)).flatMap((block) => block.lines);
}

test('yields the same lines for any chunking', async () => {
  const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\n\r\ufeff]/g, ' '));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1 }),
      fc.integer({ min: 1, max: 64 }),
      async (texts, size) => {
        const wellFormed = texts.map((text) => text.toWellFormed());
        assert.deepEqual(await lines(`${wellFormed.join('\n')}\n`, size), wellFormed);
      },
    ),
  );
});

test('drops a BOM and CRs, and does not end a line at U+2028', async () => {
  assert.deepEqual(await lines('\ufeff{"a":1}\r\n{"b":"x\u2028y"}\n'), ['{"a":1}', '{"b":"x\u2028y"}']);
});

test('counts physical lines, blank ones included', async () => {
  const [first, second] = await read([Buffer.from('a\n\n'), Buffer.from('b\nc')]);
  assert.deepEqual([first?.firstLine, first?.lines], [1, ['a', '']]);
  assert.deepEqual([second?.firstLine, second?.lines], [3, ['b']]);
});

test('marks a last line without a newline as possibly cut', async () => {
  const blocks = await Array.fromAsync(byteBlocks([Buffer.from('a\nb')]));
  assert.deepEqual(
    blocks.map(({ bytes, unterminated }) => [String(bytes), unterminated]),
    [
      ['a\n', false],
      ['b', true],
    ],
  );
});

test('replaces invalid UTF-8', async () => {
  const [block] = await read([Buffer.from([0x22, 0xff, 0x22, 0x0a])]);
  assert.deepEqual(block?.lines, ['"\ufffd"']);
});

test('reads a 64 MB line that comes in small chunks', async () => {
  const chunk = Buffer.alloc(65536, 0x61);
  const blocks = await read([...Array(1024).fill(chunk), Buffer.from('\n')]);
  assert.equal(blocks[0]?.lines[0]?.length, 64 * 1024 * 1024);
});

test('counts a line of white space as blank', () => {
  assert.deepEqual(['', ' \t', 'x', ' x'].map(isBlank), [true, true, false, false]);
});
