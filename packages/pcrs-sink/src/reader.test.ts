import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ColumnPath } from './members.ts';
import { SinkReader } from './reader.ts';
import { type Members, type RecordTable, RefusedRecord } from './table.ts';

const session = '{"kind":"session","runId":"r1","gateway":"http://g","startedAt":"2026-11-23T00:00:00Z"}';

function cut(bytes: Buffer, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

interface Read {
  rows: {
    kind: string;
    line: number;
    texts: (string | null)[];
    json: (string | undefined)[];
    others: object;
  }[];
  failure: { code?: string; message: string } | undefined;
  reader: SinkReader;
}

/** What a sink with these columns gets from a stream. */
async function read(
  input: string | Buffer | readonly string[],
  columns: readonly ColumnPath[] = ['a', 'b'],
  {
    size = 1 << 16,
    wants,
    ...options
  }: { size?: number; skipBad?: boolean; requireRun?: boolean } & Pick<RecordTable, 'wants'> = {},
): Promise<Read> {
  const bytes = Buffer.from(
    typeof input === 'object' && !Buffer.isBuffer(input) ? input.map((line) => `${line}\n`).join('') : input,
  );
  const rows: Read['rows'] = [];
  const take = (record: Members): void => {
    const all = [...record.columns.keys()];
    if (record.text(0) === 'refuse') throw new RefusedRecord('a is bad');
    rows.push({
      kind: record.kind,
      line: record.line,
      texts: all.map((column) => record.text(column)),
      json: all.map((column) => record.json(column)),
      others: record.others.map(({ name }) => name),
    });
  };
  const tableOf = (kind: string) =>
    kind === 'uncounted' ? undefined : { columns, take, ...(wants && { wants }) };
  const reader = new SinkReader({ tableOf, expected: ['posture'], ...options });
  let failure: Read['failure'];
  try {
    for await (const lines of reader.blocks(cut(bytes, size))) reader.take(lines);
  } catch (error) {
    failure = error as Error;
  }
  failure ??= reader.end({}).failure;
  return { rows, failure, reader };
}

/** JSON of a value with foreign spaces and escapes. */
const spelled = fc
  .json({ maxDepth: 3 })
  .chain((json) => fc.constantFrom(json, JSON.stringify(JSON.parse(json), null, ' ').replaceAll('\n', ' ')));
const name = fc.constantFrom('a', 'b', 'c', 'd', '\\u0061', 'é', '__proto__', 'A', '');

test('yields each member as JSON.parse would, in any spelling, order and chunking', async () => {
  const line = fc
    .tuple(fc.array(fc.tuple(name, spelled), { maxLength: 6 }), fc.boolean())
    .map(([members, tagFirst]) => {
      const all = members.map(([key, json]) => `"${key}" :${json}`);
      return `{${(tagFirst ? ['"kind":"posture"', ...all] : [...all, '"kind":"posture"']).join(' , ')}}`;
    });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 5 }),
      fc.integer({ min: 1, max: 300 }),
      async (lines, size) => {
        const { rows } = await read(lines, ['a', 'b', 'c', ['d', 'x']], { size });
        assert.equal(rows.length, lines.length);
        for (const [index, { json, texts }] of rows.entries()) {
          const value = JSON.parse(lines[index] as string);
          const expected = [Object.hasOwn(value, 'a') ? value.a : value.A, value.b, value.c];
          for (const [column, one] of expected.entries()) {
            assert.deepEqual(
              json[column] === undefined ? undefined : JSON.parse(json[column] as string),
              one,
            );
            assert.equal(
              texts[column] ?? null,
              typeof one === 'string' ? one : json[column] === 'null' ? null : (json[column] ?? null),
            );
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('yields values as they came, digits and spaces included, and parts by their path', async () => {
  const sent = '{"kind":"posture","a":9007199254740993.10,"b": {"x" : [1.0, "é"],"y":"\\u00e9"} }';
  const { rows } = await read([sent], ['a', 'b', ['b', 'x'], ['b', 'y'], ['b', 'z']]);
  const nested = '{"x" : [1.0, "é"],"y":"\\u00e9"}';
  assert.deepEqual(rows[0]?.texts, ['9007199254740993.10', nested, '[1.0, "é"]', 'é', null]);
  assert.deepEqual(rows[0]?.json, ['9007199254740993.10', nested, '[1.0, "é"]', '"\\u00e9"', undefined]);
});

test('takes the last of repeated members, with its parts', async () => {
  const { rows } = await read(
    ['{"kind":"x","kind":"posture","b":{"x":1,"y":2},"b":{"y":3},"c":1,"c":2}'],
    ['b', ['b', 'x'], ['b', 'y']],
  );
  assert.deepEqual(rows, [
    {
      kind: 'posture',
      line: 1,
      texts: ['{"y":3}', null, '3'],
      json: ['{"y":3}', undefined, '3'],
      others: ['c'],
    },
  ]);
});

test('reads kinds by tag and by shape, one per line or in arrays', async () => {
  const { rows, reader } = await read([
    '{"a":1,"hostIds":[]}',
    '[{"controlId":1},{"title":"t","lastEvaluatedDate":null},{"kind":"new"},{"b":1}]',
    '{"kind":"uncounted"}',
  ]);
  assert.deepEqual(
    rows.map(({ kind, line }) => [kind, line]),
    [
      ['hostids', 1],
      ['posture', 2],
      ['policy', 2],
      ['new', 2],
    ],
  );
  assert.deepEqual(reader.problems.counts(), { withoutKind: 1 });
  assert.deepEqual(reader.kinds.get('uncounted'), { count: 1, firstLine: 3 });
});

test('gives a member that a sink wants a column from its first record on', async () => {
  const asked: string[] = [];
  const wants = (one: string) => asked.push(one) > 0 && one === 'new';
  const lines = [
    '{"kind":"posture","a":1}',
    '{"kind":"posture","new":1,"old":2}',
    '{"kind":"posture","old":3,"new":4}',
  ];
  for (const size of [7, 1000]) {
    asked.length = 0;
    const { rows } = await read(lines, ['a'], { wants, size });
    assert.deepEqual(
      rows.map(({ texts }) => texts),
      [['1'], [null, '1'], [null, '4']],
    );
    assert.deepEqual(
      rows.map(({ others }) => others),
      [[], ['old'], ['old']],
    );
    assert.deepEqual(asked, ['new', 'old']);
  }
});

test('fills a column from a member that differs only by case, unless the exact one comes', async () => {
  const lines = [
    '{"kind":"posture","CLOUDmeta":1}',
    '{"kind":"posture","CloudMeta":2,"CLOUDmeta":3}',
    '{"kind":"posture","CLOUDmeta":4}',
  ];
  for (const size of [7, 1000]) {
    const { rows } = await read(lines, ['CloudMeta'], { size });
    assert.deepEqual(
      rows.map(({ texts, others }) => [texts, others]),
      [
        [['1'], []],
        [['2'], ['CLOUDmeta']],
        [['4'], []],
      ],
    );
  }
});

test('reports members that only other tables have a column for', async () => {
  const { rows } = await read(['{"kind":"posture","z":1,"title":"t","hostIds":[1],"a":2}'], ['a']);
  assert.deepEqual(rows[0]?.others, ['z', 'title', 'hostIds']);
  const wants = (name: string) => name === 'title';
  const wanted = await read('{"kind":"posture","title":"t"}\n'.repeat(3), ['a'], { wants, size: 40 });
  assert.deepEqual(
    wanted.rows.map(({ texts, others }) => [texts, others]),
    [1, 2, 3].map(() => [[null, 't'], []]),
  );
});

test('reports the members without a column of each record in a block', async () => {
  const lines = Array.from({ length: 60 }, (_, index) => `{"kind":"posture","a":1,"u${index % 7}":1,"v":2}`);
  const { rows, reader } = await read(lines);
  assert.deepEqual(
    rows.map(({ others }) => others),
    lines.map((_, index) => [`u${index % 7}`, 'v']),
  );
  // Each name is decided once; from then on the scanner's places are enough.
  assert.equal(reader.strangeLines, 7);
});

test('names a bad line and keeps what came before it, or counts and skips it', async () => {
  const lines = [
    '{"kind":"posture","a":1}',
    '{bad',
    '7',
    '{"kind":7}',
    '{"kind":"posture","a":"refuse"}',
    '{"kind":"posture","a":2}',
  ];
  const strict = await read(lines);
  assert.equal(strict.failure?.message, 'stdin:2: expected a record (a JSON object) on one line, found {bad');
  assert.deepEqual([strict.failure?.code, strict.rows.length], ['PCRS_RECORD', 1]);
  const lenient = await read(lines, ['a'], { skipBad: true });
  assert.deepEqual([lenient.rows.length, lenient.reader.problems.counts()], [2, { badLines: 4 }]);
  assert.deepEqual(lenient.reader.kinds.get('posture'), { count: 2, firstLine: 1 });
  assert.match((await read(['{'])).failure?.message ?? '', /several lines\? try jq -c \./);
  assert.match(
    (await read(['{"kind":"posture","a":"refuse"}'])).failure?.message ?? '',
    /^stdin:1: a is bad$/,
  );
});

test('reports a cut last line as a cut stream, and accepts one that only lacks its newline', async () => {
  const cutStream = await read('{"kind":"posture","a":1}\n{"kind":"pos');
  assert.equal(cutStream.failure?.message, 'stdin:2: the stream was cut off in the middle of a record');
  assert.deepEqual([cutStream.failure?.code, cutStream.rows.length], ['PCRS_INCOMPLETE', 1]);
  const whole = await read('\ufeff{"kind":"posture","a":1}\r\n\n \r\n{"kind":"posture","a":2}');
  assert.deepEqual(
    [whole.failure, whole.rows.map(({ line }) => line), whole.reader.lines],
    [undefined, [1, 4], 2],
  );
});

test('requires a run before the first record on request, and counts bare values in one', async () => {
  assert.match(
    (await read(['{"a":1}'], [], { requireRun: true })).failure?.message ?? '',
    /^stdin:1: .*--require-run/,
  );
  const { reader } = await read([session, '12', '"x"'], [], { requireRun: true });
  assert.deepEqual(reader.problems.counts(), { bareValues: 2 });
});

test('replaces bytes that are not UTF-8, and says so', async () => {
  const bad = Buffer.concat([
    Buffer.from('{"kind":"posture","a":"x'),
    Buffer.from([0xff]),
    Buffer.from('","b":"é"}\n'),
  ]);
  const { rows, reader } = await read(bad);
  assert.deepEqual(rows[0]?.texts, ['x\ufffd', 'é']);
  assert.deepEqual(reader.problems.counts(), { invalidUtf8: 1 });
});

test('accepts a value nested 200,000 deep', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  const { rows } = await read([`{"kind":"posture","a":${deep}}`]);
  assert.equal(rows[0]?.texts[0], deep);
});

test('names members without a column correctly in each row of a block, on the fast path too', async () => {
  const lines = Array.from({ length: 50 }, (_, n) => `{"kind":"posture","a":${n},"c${n % 3}":1,"d":2,"é":3}`);
  const { rows, reader } = await read(lines, ['a']);
  for (const [n, { others }] of rows.entries()) assert.deepEqual(others, [`c${n % 3}`, 'd', 'é']);
  // Each new name is looked at once.
  assert.equal(reader.strangeLines, 3);
});
