import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { form, JsonScan, skipSpace } from './json-scan.ts';

const scan = new JsonScan(','.charCodeAt(0));

/** Whether the scan takes a text as one JSON value, with nothing but space around it. */
function proven(text: string): boolean {
  const bytes = Buffer.from(`${text}\n`);
  const end = scan.value(bytes, skipSpace(bytes, 0));
  return end >= 0 && skipSpace(bytes, end) === bytes.length - 1;
}

function parsable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('takes what JSON.parse takes', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ depthSize: 'medium' }),
      fc.constantFrom(undefined, '\t', ' '),
      (value, indent) => {
        assert.ok(proven(JSON.stringify(value, null, indent).replaceAll('\n', ' ')));
      },
    ),
    { numRuns: 500 },
  );
});

test('takes nothing that JSON.parse does not take', () => {
  const piece = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\n"',
      '\\',
      '\\u00e9',
      '\\u12',
      '\\x',
      '0',
      '1',
      '-',
      '.',
      'e',
    ],
    ...[
      '+',
      '12',
      '-0',
      '1.5',
      '1e5',
      '01',
      'true',
      'null',
      'false',
      'nul',
      'x',
      ' ',
      '\t',
      '\u0001',
      'é',
      '{"a":1}',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      assert.equal(proven(text), parsable(text), JSON.stringify(text));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), fc.constantFrom('', ...'",:{}[]\\0e.-tu '), (value, at, put) => {
      const text = JSON.stringify(value);
      const place = at % text.length;
      const changed = text.slice(0, place) + put + text.slice(place + 1);
      assert.equal(proven(changed), parsable(changed), JSON.stringify(changed));
    }),
    { numRuns: 2000 },
  );
});

test('numbers are proven by the grammar', () => {
  for (const text of ['0', '-0', '10', '1.0', '1e5', '1E+5', '1.25e-10', '-1']) assert.ok(proven(text), text);
  for (const text of [
    '',
    '-',
    '01',
    '+1',
    '.5',
    '1.',
    '1.e5',
    '1e',
    '1e+',
    '--1',
    '0x1',
    '1a',
    'Infinity',
    'NaN',
  ]) {
    assert.ok(!proven(text), text);
  }
});

test('tells the form of a value', () => {
  const cases: [string, number][] = [
    ['12', form.plain],
    ['true', form.plain],
    ['null', form.null],
    ['""', form.empty],
    ['"a"', form.plain],
    ['"a,b"', form.marked],
    ['"a,b\\n,"', form.escaped],
    ['"\\n\\u000a\\n"', form.unicode],
    ['["a\\n"]', form.nested],
    ['{}', form.nested],
  ];
  for (const [text, expected] of cases) {
    assert.ok(proven(text), text);
    assert.equal(scan.form, expected, text);
  }
});

test('gives up on what is nested deeper than a record is', () => {
  assert.ok(proven(`${'['.repeat(50)}${']'.repeat(50)}`));
  assert.ok(!proven(`${'['.repeat(100_000)}${']'.repeat(100_000)}`));
});
