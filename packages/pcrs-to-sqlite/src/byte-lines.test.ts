import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteBlocks, isBlank, lineBlocks } from 'pcrs-records/lines';
import { ByteLines, decoded } from './byte-lines.ts';

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

async function byteLines(...chunks: Uint8Array[]): Promise<ByteLines[]> {
  return (await Array.fromAsync(byteBlocks(chunks))).map((block) => new ByteLines(block));
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
      const read = (await byteLines(...cut(stream, size))).map((block) => ({
        firstLine: block.firstLine,
        lines: [...block].map(decoded),
        unterminated: block.unterminated,
        invalidUtf8: block.invalidUtf8,
      }));
      assert.deepEqual(read, await Array.fromAsync(lineBlocks(cut(stream, size))));
    }),
    { numRuns: 1000 },
  );
});

test('a line is a byte a character', async () => {
  const [block] = await byteLines(Buffer.from('"é“"\n'));
  assert.deepEqual([...(block as ByteLines)], ['"\u00c3\u00a9\u00e2\u0080\u009c"']);
});

test('lines of white space, of white space beyond ASCII too, are no records; they count as lines', async () => {
  const texts = ['', ' \t', ' \u00a0', '7', '\t\u3000\u2028', ' x', ' à', '\u00a0'];
  const [block] = await byteLines(Buffer.from(`${texts.join('\n')}\n`));
  const found = [...(block as ByteLines).records()].map(([text, line]) => [decoded(text), line]);
  const expected = texts.map((text, index) => [text, index + 1] as const);
  assert.deepEqual(
    found,
    expected.filter(([text]) => !isBlank(text)),
  );
});
