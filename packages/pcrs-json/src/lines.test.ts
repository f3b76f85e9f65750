import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineScanner, type Lines, type NamePath } from './lines.ts';
import { extraWords, forms, headerWords, verdicts } from './places.ts';
import { textOf } from './values.ts';

const names: NamePath[] = [
  'id',
  'status',
  'aNameOfMoreThanSixteenBytes',
  'aNameOfMoreThanSixteenByteZ',
  '',
  'tag',
  ['tag', 'id'],
  ['deep', 'er', 'id'],
  'café',
  ['tag', 'café'],
  'a"quote',
];
const kinds = ['posture', 'policy'];

interface Row {
  line: string;
  verdict: string;
  kind: number;
  /** By slot: the JSON of the value, undefined if absent. */
  values: (string | undefined)[];
  extras: [name: string, json: string][];
  unended: boolean;
}

const verdictNames = Object.keys(verdicts);

function jsonOf(bytes: Buffer, start: number, word: number): string | undefined {
  const form = word & 15;
  const raw = bytes.toString('utf8', start, word >> 4);
  if (form === forms.absent) return undefined;
  if (form < forms.string) {
    const wide = /[^\0-\x7f]/.test(raw);
    if (form >= forms.nested) assert.equal(form, wide ? forms.nestedWide : forms.nested, raw);
    else if (form >= forms.integer) assert.equal(form, isSafe(raw) ? forms.integer : forms.number, raw);
    else assert.equal(['null', 'false', 'true'][form - 1], raw);
    if (form === forms.integer) assert.equal(String(Number(raw)), raw);
    assert.equal(textOf(bytes, start, word), raw);
    return raw;
  }
  const due = forms.string + Number(/[^\0-\x7f]/.test(raw)) + 2 * Number(raw.includes('\\'));
  assert.equal(form, due, raw);
  assert.equal(textOf(bytes, start, word), JSON.parse(`"${raw}"`));
  return `"${raw}"`;
}

const isSafe = (raw: string): boolean => /^-?\d{1,15}$/.test(raw) && raw !== '-0';

function rowsOf({ bytes, places, extras, count, width, unended }: Lines): Row[] {
  assert.equal(places.length, count * width);
  return Array.from({ length: count }, (_, index) => {
    const row = places.subarray(index * width, (index + 1) * width);
    const verdict = verdictNames[row[2]!]!;
    const plain = verdict === 'plain';
    const own = extras.subarray(row[4], plain ? row[4]! + row[5]! * extraWords : row[4]);
    return {
      line: bytes.toString('utf8', row[0], row[1]),
      verdict,
      kind: row[3]!,
      values: names.map((_, slot) =>
        plain ? jsonOf(bytes, row[headerWords + 2 * slot]!, row[headerWords + 2 * slot + 1]!) : undefined,
      ),
      extras: Array.from({ length: own.length / extraWords }, (_, extra) => {
        const [nameStart, nameEnd, start, word] = own.subarray(extra * extraWords, (extra + 1) * extraWords);
        return [bytes.toString('utf8', nameStart, nameEnd), jsonOf(bytes, start!, word!)!];
      }),
      unended: unended && index === count - 1,
    };
  });
}

function scan(
  text: Uint8Array,
  sizes: readonly number[] = [text.length],
  scanner = new LineScanner({ names, kinds }),
): Row[] {
  const rows: Row[] = [];
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length]!);
    for (const lines of scanner.push(text.subarray(at, at + size))) rows.push(...rowsOf(lines));
    at += size;
  }
  for (const lines of scanner.end()) rows.push(...rowsOf(lines));
  return rows;
}

const one = (line: string | Buffer): Row => {
  const [row, ...others] = scan(Buffer.concat([Buffer.from(line), Buffer.from('\n')]));
  assert.equal(others.length, 0);
  return row!;
};

/** JSON.parse's view of a line, in the scanner's terms; undefined if more than one verdict is right. */
function expected(line: Buffer): string | undefined {
  const text = line.toString();
  if (/^[ \t\r]*$/.test(text)) return 'blank';
  if (!/^[ \t\r]*\{/.test(text)) return 'notObject';
  let value: unknown;
  try {
    value = JSON.parse(isUtf8(line) ? text : line.toString('latin1'));
  } catch {
    return 'notJson';
  }
  if (!isUtf8(line)) return undefined;
  return JSON.stringify(value).split(/"(?:[^"\\]|\\.)*"/).length > 40 ? undefined : 'plain';
}

/** Lines that are alike and now and then broken: names, values and the mistakes of JSON written by hand. */
const strings = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      '"',
      '\\',
      '\n',
      'é',
      '\u2028',
      '😀',
      '\u0000',
      '\ud800',
      '/',
      'xxxxxxxxxxxxxxxxxxx',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
const spelled = fc.tuple(strings, fc.boolean()).map(([text, ascii]) => {
  const json = JSON.stringify(text);
  return ascii
    ? json.replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
});
const numbers = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1',
    '-17',
    '0.5',
    '1e5',
    '1E+5',
    '2e-07',
    '123456789012345',
    '1234567890123456',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
);
const nameTexts = fc.constantFrom(
  '"id"',
  '"status"',
  '"aNameOfMoreThanSixteenBytes"',
  '"aNameOfMoreThanSixteenByteZ"',
  '"aNameOfMoreThanSixteenByteY"',
  '""',
  '"tag"',
  '"deep"',
  '"er"',
  '"café"',
  '"kind"',
  '"x"',
  '"a\\"quote"',
  '"a"quote"',
  '"other"',
  '"i\\u0064"',
  '"é"',
);
const blanks = fc.constantFrom('', '', '', ' ', '\t', ' \r');
const { value: values } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    spelled,
    numbers,
    fc.constantFrom('null', 'true', 'false', '"posture"', '"policy"', '{}', '[]'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(blanks, fc.array(tie('value'), { maxLength: 4 }))
    .map(([blank, list]) => `[${blank}${list.join(`,${blank}`)}${blank}]`),
  object: fc
    .tuple(blanks, fc.array(fc.tuple(nameTexts, tie('value')), { maxLength: 4 }))
    .map(
      ([blank, list]) =>
        `{${blank}${list.map(([name, value]) => `${name}${blank}:${value}${blank}`).join(`,${blank}`)}}`,
    ),
}));
const objects = fc
  .tuple(blanks, fc.array(fc.tuple(nameTexts, values), { maxLength: 8 }))
  .map(
    ([blank, list]) =>
      `${blank}{${list.map(([name, value]) => `${name}:${blank}${value}`).join(',')}}${blank}`,
  );
const lineTexts = fc
  .oneof({ weight: 6, arbitrary: objects }, values, fc.json(), blanks)
  .map((text) => Buffer.from(text));
/** A byte changed, inserted or removed. */
const mutated = fc
  .tuple(
    lineTexts,
    fc.nat(),
    fc.constantFrom(...Buffer.from('"\\{}[]:,0-.eE+tu\t\0 '), 0x80, 0xc3, 0xff, 0x7f),
    fc.constantFrom(0, 1, 2),
  )
  .map(([line, where, byte, how]) => {
    const at = where % (line.length + 1);
    const middle = how === 2 ? [] : [byte];
    return Buffer.concat([line.subarray(0, at), Buffer.from(middle), line.subarray(how === 1 ? at : at + 1)]);
  });
const texts = fc.array(
  fc.oneof(lineTexts, mutated).filter((line) => !line.includes(0x0a)),
  { maxLength: 6 },
);
const chunkSizes = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 });

/** An own member, even __proto__. */
const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;

function checkPlain(row: Row): void {
  const record = JSON.parse(row.line);
  const parsed = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json));
  for (const [slot, name] of names.entries()) {
    const path = typeof name === 'string' ? [name] : name;
    assert.deepEqual(parsed(row.values[slot]), path.reduce(own, record), `${path} of ${row.line}`);
  }
  assert.equal(row.kind, kinds.indexOf(record.kind) + 1);
  const withSlots = new Set(['kind', 'deep', ...names.filter((name) => typeof name === 'string')]);
  const others = Object.entries(record).filter(([name]) => !withSlots.has(name));
  assert.deepEqual(new Map(row.extras.map(([name, json]) => [name, parsed(json)])), new Map(others));
  assert.equal(row.extras.length, others.length);
}

/** Checks why a line that JSON.parse accepts may be strange. */
function checkStrange(row: Row): void {
  const found = [...row.line.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g)].flatMap(([, name, colon]) =>
    colon ? [name!] : [],
  );
  const different = new Set(found.map((name) => JSON.parse(name))).size;
  if (row.verdict === 'escapedName') assert.ok(found.join('').includes('\\'), row.line);
  else if (row.verdict === 'doubledName') assert.ok(different < found.length, row.line);
  else assert.fail(`${row.verdict}: ${row.line}`);
}

describe('the lines scanner', () => {
  it('agrees with JSON.parse about every line, whole or mutated, in any chunking', () => {
    const seen = new Map<string, number>();
    // one for all: it learns which names follow which, and must not be misled by that
    const scanner = new LineScanner({ names, kinds });
    fc.assert(
      fc.property(texts, chunkSizes, fc.boolean(), (lines, sizes, ended) => {
        const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
        const given = ended || lines.at(-1)?.length === 0 ? text : text.subarray(0, -1);
        const rows = scan(given, sizes, scanner);
        assert.deepEqual(
          rows.map(({ line }) => line),
          lines.map((line) => String(line).replace(/\r$/, '')),
        );
        assert.equal(rows.at(-1)?.unended ?? false, given.length < text.length);
        for (const [index, row] of rows.entries()) {
          seen.set(row.verdict, (seen.get(row.verdict) ?? 0) + 1);
          const due = expected(lines[index]!);
          if (row.verdict === 'plain') checkPlain(row);
          if (row.verdict === 'notUtf8') assert.ok(!isUtf8(lines[index]!));
          else if (due === 'plain' && row.verdict !== 'plain') checkStrange(row);
          else if (due !== undefined && !['escapedName', 'doubledName'].includes(row.verdict))
            assert.equal(row.verdict, due, row.line);
        }
      }),
      { numRuns: 2000 },
    );
    for (const verdict of ['plain', 'blank', 'notObject', 'notJson', 'notUtf8', 'escapedName', 'doubledName'])
      assert.ok(seen.get(verdict)! > 10, `${verdict}: ${seen.get(verdict)}`);
  });

  it("names a strange line's reason, and continues with the next", () => {
    const wrongs: [verdict: string, line: string | Buffer][] = [
      ['blank', ''],
      ['blank', ' \t\r'],
      ['notObject', '[{"id":1}]'],
      ['notObject', '"id"'],
      ['notJson', '{"id":1'],
      ['notJson', '{"id":"1}'],
      ['notJson', '{"id":1}}'],
      ['notJson', '{"id":01}'],
      ['notJson', '{"id":1,}'],
      ['notJson', '{"x":[1}'],
      ['notJson', '{"x":"\\u12g4"}'],
      ['notJson', '{"x":"\t"}'],
      ['notUtf8', Buffer.from('{"x":"\xff"}', 'latin1')],
      ['notUtf8', Buffer.from('{"x":"\xed\xa0\x80"}', 'latin1')],
      ['escapedName', '{"i\\u0064":1}'],
      ['escapedName', '{"tag":{"i\\u0064":1}}'],
      ['doubledName', '{"id":1,"id":1}'],
      ['doubledName', '{"other":1,"other":1}'],
      ['doubledName', '{"tag":{"id":1,"id":1}}'],
      ['tooMany', `{${Array.from({ length: 257 }, (_, index) => `"x${index}":1`)}}`],
      ['tooDeep', `{"x":${'['.repeat(60)}${']'.repeat(60)}}`],
    ];
    for (const [verdict, line] of wrongs) {
      const text = Buffer.concat([Buffer.from(line), Buffer.from('\n{"id":7}\n')]);
      const [first, second] = scan(text);
      assert.equal(first!.verdict, verdict, String(line));
      assert.equal(first!.line, String(line).replace(/\r$/, ''));
      assert.deepEqual([second!.verdict, second!.values[0]], ['plain', '7']);
    }
  });

  it('accepts as plain what comes close to strange', () => {
    for (const line of [
      `{${Array.from({ length: 256 }, (_, index) => `"x${index}":1`)}}`,
      `{"x":${'['.repeat(59)}${']'.repeat(59)}}`,
      '{"x":{"i\\u0064":1,"y":1,"y":1}}',
      ' {"id":1} \r',
      '{}',
      '{"x":"\u2028\x7f"}',
    ])
      assert.equal(one(line).verdict, 'plain', line);
  });

  it('finds a name on its path only', () => {
    const { values, extras } = one(
      '{"tag":{"id":[1],"status":2},"deep":{"er":{"id":"x"},"id":3},"er":{"id":4}}',
    );
    assert.deepEqual(values, [
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      '{"id":[1],"status":2}',
      '[1]',
      '"x"',
      undefined,
      undefined,
      undefined,
    ]);
    assert.deepEqual(extras, [['er', '{"id":4}']]);
  });

  it('knows kinds, and accepts a record without one', () => {
    const kindOf = (line: string): number => one(line).kind;
    assert.deepEqual(
      ['{"kind":"posture"}', '{"id":1,"kind":"policy"}', '{"kind":"end"}', '{"kind":1}', '{}'].map(kindOf),
      [1, 2, 0, 0, 0],
    );
  });

  it('gives a new name a slot from the next lines on', () => {
    const scanner = new LineScanner({ names: ['id'] });
    const line = Buffer.from('{"id":1,"new":"x","far":{"new":2}}\n');
    const placesOf = (lines: Lines, slot: number): string =>
      textOf(lines.bytes, lines.places[headerWords + 2 * slot]!, lines.places[headerWords + 2 * slot + 1]!);
    for (const lines of scanner.push(line)) assert.equal(lines.places[5], 2);
    const slots = [scanner.addName('new')!, scanner.addName(['far', 'new'])!];
    assert.deepEqual([scanner.addName('new'), scanner.addName('id')], [slots[0], 0]);
    let rows = 0;
    for (const lines of scanner.push(Buffer.concat([line, line])))
      for (; rows < lines.count; rows++) {
        assert.equal(lines.places[rows * lines.width + 5], 0);
        assert.deepEqual(
          slots.map((slot) => placesOf(lines, slot)),
          ['x', '2'],
        );
      }
    assert.equal(rows, 2);
  });

  it('limits the number of new names', () => {
    const scanner = new LineScanner({ names: ['id'] });
    const given = Array.from({ length: 2000 }, (_, index) => scanner.addName(`name${index}`));
    assert.equal(given.filter((slot) => slot === undefined).length, 2000 - 1022);
    assert.throws(() => new LineScanner({ names: ['id', ['id']] }), RangeError);
    assert.throws(() => new LineScanner({ names: ['x'.repeat(1 << 16)] }), RangeError);
  });

  it('drops a byte order mark, in any chunking', () => {
    const text = Buffer.from('\ufeff{"id":1}\n\ufeff{"id":2}\n');
    for (const size of [1, 2, 100])
      assert.deepEqual(
        scan(text, [size]).map(({ verdict }) => verdict),
        ['plain', 'notObject'],
      );
    assert.deepEqual(
      scan(Buffer.from('\ufeff{}')).map(({ verdict }) => verdict),
      ['plain'],
    );
  });

  it('makes room for a long line, and passes on a too long one unscanned', () => {
    const long = (bytes: number): string => `{"id":"${'x'.repeat(bytes - 9)}"}`;
    const sizes = [3 << 16, 1 << 16, (1 << 16) + 1, 100, 5 << 17];
    for (const ended of ['\n', '']) {
      const text = Buffer.from(`\ufeff${sizes.map(long).join('\n')}${ended}`);
      const rows = scan(text, [1 << 13], new LineScanner({ names, kinds, maxLineBytes: 1 << 16 }));
      assert.deepEqual(
        rows.map(({ verdict }) => verdict),
        ['tooLong', 'plain', 'tooLong', 'plain', 'tooLong'],
      );
      assert.deepEqual(
        rows.map(({ line }) => line.length),
        sizes,
      );
      assert.equal(rows.at(-1)!.unended, ended === '');
      assert.deepEqual(
        scan(text, [text.length]).map(({ verdict }) => verdict),
        Array(5).fill('plain'),
      );
    }
  });

  it('passes on many short lines in several parts', () => {
    const text = Buffer.from('{"a":1,"b":2}\n'.repeat(30_000));
    const rows = scan(text);
    assert.equal(rows.length, 30_000);
    assert.ok(rows.every(({ extras }) => extras.length === 2));
  });
});
