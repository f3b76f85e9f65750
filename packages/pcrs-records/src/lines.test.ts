import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isBlank, type LineBlock, lineBlocks } from './lines.ts';

async function read(chunks: Uint8Array[]): Promise<LineBlock[]> {
  return Array.fromAsync(lineBlocks(chunks));
}

async function lines(text: string | Buffer, size = 1): Promise<string[]> {
  const bytes = Buffer.from(text);
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return (await read(chunks)).flatMap((block) => block.lines);
}

test('the same lines come out in any chunking', async () => {
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

test('a BOM and CRLF are passed over and U+2028 ends no line', async () => {
  assert.deepEqual(await lines('\ufeff{"a":1}\r\n{"b":"x\u2028y"}\n'), ['{"a":1}', '{"b":"x\u2028y"}']);
});

test('line numbers count physical lines, blank ones too', async () => {
  const [first, second] = await read([Buffer.from('a\n\n'), Buffer.from('b\nc')]);
  assert.deepEqual([first?.firstLine, first?.lines], [1, ['a', '']]);
  assert.deepEqual([second?.firstLine, second?.lines], [3, ['b']]);
});

test('a last line without a newline is marked as perhaps cut', async () => {
  const blocks = await read([Buffer.from('a\nb')]);
  assert.deepEqual(
    blocks.map((block) => [block.lines, block.unterminated]),
    [
      [['a'], false],
      [['b'], true],
    ],
  );
});

test('invalid UTF-8 is replaced and marked', async () => {
  const [block] = await read([Buffer.from([0x22, 0xff, 0x22, 0x0a])]);
  assert.deepEqual([block?.lines, block?.invalidUtf8], [['"\ufffd"'], true]);
});

test('a line of 64 MB in small chunks is read in one piece', async () => {
  const chunk = Buffer.alloc(65536, 0x61);
  const blocks = await read([...Array(1024).fill(chunk), Buffer.from('\n')]);
  assert.equal(blocks[0]?.lines[0]?.length, 64 * 1024 * 1024);
});

test('a line of white space only is blank', () => {
  assert.deepEqual(['', ' \t', 'x', ' x'].map(isBlank), [true, true, false, false]);
});
