import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExact } from 'pcrs-records/json';
import { cellText } from './cells.ts';

const none = () => ({ formulas: 0, nuls: 0, surrogates: 0 });

test('every JSON value becomes the text that a person expects', () => {
  const cases: [string, string | null][] = [
    ['null', null],
    ['""', ''],
    ['" a "', ' a '],
    ['true', 'true'],
    ['false', 'false'],
    ['0', '0'],
    ['-5', '-5'],
    ['1.10', '1.10'],
    ['1e2', '1e2'],
    ['-0', '-0'],
    ['9007199254740993', '9007199254740993'],
    ['18446744073709551616', '18446744073709551616'],
    ['[]', '[]'],
    ['{}', '{}'],
    ['{"b":1.10,"a":[9007199254740993,null,"é\\n"]}', '{"b":1.10,"a":[9007199254740993,null,"é\\n"]}'],
  ];
  for (const [json, text] of cases) assert.equal(cellText(parseExact(json), true, none()), text, json);
  assert.equal(cellText(undefined, true, none()), null);
});

test('texts that a spreadsheet would run are made neutral and counted, where that is asked for', () => {
  const table: [string, string][] = [
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-rw-r--r--', "'-rw-r--r--"],
    ['-5', "'-5"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', "'\r=1"],
    ['\n=1', '\n=1'],
    [' =1', ' =1'],
    ['a=1', 'a=1'],
    ["'=1", "'=1"],
    ['', ''],
  ];
  for (const [text, neutral] of table) {
    const changes = none();
    assert.equal(cellText(text, true, changes), neutral, JSON.stringify(text));
    assert.equal(changes.formulas, text === neutral ? 0 : 1, JSON.stringify(text));
    assert.equal(cellText(text, false, none()), text, JSON.stringify(text));
  }
});

test('NUL and lone surrogates become U+FFFD and are counted', () => {
  const changes = none();
  assert.equal(cellText('a\0b\0', false, changes), 'a\ufffdb\ufffd');
  assert.equal(cellText('\ud800x', false, changes), '\ufffdx');
  assert.equal(cellText('\u{1f600}', false, changes), '\u{1f600}');
  assert.deepEqual(changes, { formulas: 0, nuls: 1, surrogates: 1 });
  assert.equal(cellText({ a: '\0\ud800' }, false, changes), '{"a":"\\u0000\\ud800"}');
});
