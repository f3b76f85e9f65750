import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExact, toDigits } from './json.ts';

test('keeps every digit of a number through parsing and writing', () => {
  for (const number of [
    '9007199254740993',
    '18446744073709551615',
    '1.10',
    '1e2',
    '-0',
    '0.1',
    '7',
    '1E+2',
    '-12.50',
  ]) {
    for (const text of [`{"a":${number}}`, `[{"b":[${number},${number}]}]`, number]) {
      assert.equal(JSON.stringify(parseExact(text)), text);
    }
  }
});

test("keeps a number's digits next to number-like strings and after escaped quotes", () => {
  for (const text of [
    '{"osCpe":"cpe:/o:redhat:linux:9.4:::","a":1.10}',
    '{"a":"\\",: 1.5","b":[1.50,"[2.50"]}',
    '{"a":"x\\\\","b":-0}',
    `{"a":"${'\\n:1.5'.repeat(300_000)}","b":1e2}`,
  ]) {
    assert.equal(JSON.stringify(parseExact(text)), text);
  }
});

test('parses any JSON value as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(
        JSON.stringify(JSON.parse(JSON.stringify(parseExact(text)))),
        JSON.stringify(JSON.parse(text)),
      );
    }),
  );
});

test('reads an id as digits, from a number or a string', () => {
  const ids = [7, '7', parseExact('18446744073709551615'), '007', -1, 1.5, 'x', '', null, undefined, {}];
  assert.deepEqual(ids.map(toDigits), ['7', '7', '18446744073709551615', '007', ...Array(7).fill(undefined)]);
});
