import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SinkReader } from './reader.ts';
import type { Members } from './table.ts';

/** What a sink gets from a stream, and how the stream ended. */
async function read(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  const rows: unknown[] = [];
  const take = (record: Members): void => {
    const values = record.columns.map((path, column) => [path, record.json(column)]);
    const others = record.others.map(({ name, start, end }) => [
      name,
      record.bytes.toString('utf8', start, end),
    ]);
    rows.push([record.kind, record.line, values, others]);
  };
  const reader = new SinkReader({
    ...{ skipBad: true, expected: ['a'] },
    tableOf: () => ({ columns: ['id', ['b', 'c']], take, wants: (name) => name.startsWith('n') }),
  });
  let thrown: unknown;
  try {
    for await (const block of reader.blocks(chunks)) reader.take(block);
  } catch (error) {
    thrown = error;
  }
  const { failure } = reader.end({});
  return {
    rows,
    kinds: [...reader.kinds],
    problems: reader.problems.reports(),
    thrown,
    failure: failure?.message,
  };
}

function* cut(text: string, size: number): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('yields the same in any chunking', async () => {
  const name = fc.constantFrom('id', 'b', 'c', 'n1', 'n2', 'é', '\\u0069d', 'kind');
  const value = fc.constantFrom('1', '"x"', '{"c":2}', '{"c":"é","d":[]}', '"a\\nb"', 'null');
  const object = fc
    .array(fc.tuple(name, value), { maxLength: 5 })
    .map((members) => `{"kind":"a"${members.map(([key, json]) => `,"${key}":${json}`).join('')}}`);
  const line = fc.oneof(
    { weight: 8, arbitrary: object },
    fc.constantFrom(
      '',
      'nonsense',
      '[{"kind":"a","id":7},8]',
      '\ufeff{"kind":"a"}',
      `{"kind":"a","id":"${'y'.repeat(9000)}"}`,
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 60 }),
      fc.constantFrom('', '\n', '\r\n'),
      fc.integer({ min: 1, max: 5000 }),
      async (lines, last, size) => {
        const text = lines.join('\n') + last;
        assert.deepEqual(await read(cut(text, size)), await read(cut(text, text.length + 1)));
      },
    ),
    { numRuns: 25 },
  );
});

test("passes a line longer than the scanner's limit on whole", async () => {
  const text = `{"kind":"a","id":1}\n{"kind":"a","id":"${'z'.repeat(17 << 20)}"}\n{"kind":"a","id":3}\n`;
  const { rows } = await read(cut(text, 1 << 20));
  assert.deepEqual(
    rows.map((row) => JSON.stringify(row).length > 1 << 20),
    [false, true, false],
  );
});

test('keeps everything before a break of the source', async () => {
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"kind":"a","id":1}\n{"kind":"a","id":2}\n{"kind":"a"');
    throw new Error('the pipe broke');
  }
  const { rows, thrown } = await read(breaking());
  assert.deepEqual([rows.length, (thrown as Error).message], [2, 'the pipe broke']);
});

test('a reader that stops closes its source', async () => {
  let released = false;
  function* endless(): Generator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('{"kind":"a","id":1}\n'.repeat(1000));
    } finally {
      released = true;
    }
  }
  const reader = new SinkReader({ tableOf: () => undefined });
  for await (const block of reader.blocks(endless())) {
    reader.take(block);
    if (reader.lines > 20_000) break;
  }
  await new Promise(setImmediate);
  assert.equal(released, true);
});
