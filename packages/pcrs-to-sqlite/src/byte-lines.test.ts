import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LineBlock, lineBlocks } from 'pcrs-records/lines';
import { byteLineBlocks, decoded, isBlankLine } from './byte-lines.ts';

type Read = typeof lineBlocks;

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

async function blocks(read: Read, chunks: Uint8Array[]): Promise<LineBlock[]> {
  return Array.fromAsync(read(chunks));
}

/** Bytes with what lines, UTF-8 and its errors are made of. */
const bytes = fc
  .array(
    fc.oneof(
      fc
        .constantFrom('\n', '\r\n', '\r', ' ', '\ufeff', '\u2028', '\u0085', 'é', '“', '😀', '{}')
        .map(Buffer.from),
      fc
        .constantFrom([0xff], [0xc3], [0xe2, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0xa0])
        .map(Buffer.from),
      fc.string({ maxLength: 4 }).map(Buffer.from),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

test('decoded, the lines are those of the text: the same numbers, ends, and U+FFFD in the same places', async () => {
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 9 }), async (stream, size) => {
      const found = await blocks(byteLineBlocks, cut(stream, size));
      const read = found.map((block) => ({ ...block, lines: block.lines.map(decoded) }));
      assert.deepEqual(read, await blocks(lineBlocks, cut(stream, size)));
    }),
    { numRuns: 1000 },
  );
});

test('a line is a byte a character', async () => {
  const [block] = await blocks(byteLineBlocks, [Buffer.from('"é“"\n')]);
  assert.deepEqual(block?.lines, ['"\u00c3\u00a9\u00e2\u0080\u009c"']);
});

test('a line of white space is blank, of white space beyond ASCII too', () => {
  const inBytes = ['', ' \t', ' \u00a0', '\t\u3000\u2028', ' x', ' à', '\u00a0'].map((text) =>
    Buffer.from(text).toString('latin1'),
  );
  assert.deepEqual(inBytes.map(isBlankLine), [true, true, true, true, false, false, false]);
});
