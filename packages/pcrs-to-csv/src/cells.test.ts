import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { parseExact } from 'pcrs-records/json';
import { toCsv } from './csv.ts';
import type { TableOptions } from './table.ts';

/** The rows of records with the columns a and b, and the reports. */
async function rows(lines: readonly string[], options: TableOptions = {}) {
  const told: string[] = [];
  const log = { warn: (line: string) => told.push(line), note() {} };
  const input = [Buffer.from(lines.map((line) => `${line}\n`).join(''))];
  const chosen = { kind: 'x', add: ['a', 'b'], columns: ['a', 'b'], noHeader: true, log, ...options };
  const chunks = await Array.fromAsync(toCsv(input, chosen));
  return { text: Buffer.concat(chunks).toString(), told };
}

/** The text of a cell whose value has this JSON, unquoted. */
async function cell(json: string, options: TableOptions = {}): Promise<string> {
  const { text } = await rows([`{"kind":"x","a":${json},"b":1}`], options);
  const raw = text.replace(/^\ufeff/, '').replace(/,1\r?\n$/, '');
  return raw.startsWith('"') && raw !== '""' ? raw.slice(1, -1).replaceAll('""', '"') : raw;
}

test('turns every JSON value into the text that a person expects', async () => {
  const cases: [string, string][] = [
    ['null', ''],
    ['""', '""'],
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
  for (const [json, text] of cases) assert.equal(await cell(json, { excel: true }), text, json);
});

test('neutralises and counts texts that a spreadsheet would run, on request', async () => {
  const table: [string, string][] = [
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-rw-r--r--', "'-rw-r--r--"],
    ['-5', "'-5"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', "'\r=1"],
    ['\n=1', "'\n=1"],
    ['＝1', "'＝1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠x', "'＠x"],
    ['\u003d1', "'=1"],
    ['！', '！'],
    [' =1', ' =1'],
    ['a=1', 'a=1'],
    ["'=1", "'=1"],
  ];
  for (const [text, neutral] of table) {
    const json = JSON.stringify(text);
    assert.equal(await cell(json, { excel: true }), neutral, json);
    assert.equal(await cell(json), text, json);
    const { told } = await rows([`{"kind":"x","a":${json}}`], { excel: true });
    assert.equal(told.length, text === neutral ? 0 : 1, json);
  }
});

test('turns NUL and lone surrogates into U+FFFD and counts them', async () => {
  const { text, told } = await rows([
    '{"kind":"x","a":"a\\u0000b\\u0000","b":"\\ud800x"}',
    '{"kind":"x","a":"\\ud83d\\ude00","b":{"a":"\\u0000\\ud800"}}',
  ]);
  assert.equal(text, 'a\ufffdb\ufffd,\ufffdx\n\u{1f600},"{""a"":""\\u0000\\ud800""}"\n');
  assert.deepEqual(told, [
    'x: cells whose NUL became U+FFFD: 1',
    'x: cells whose lone surrogates became U+FFFD: 1',
  ]);
});

test('quotes a lone \\. because PostgreSQL before 17 would end there', async () => {
  const { text } = await rows(['{"kind":"x","a":"\\\\."}', '{"kind":"x","a":"\\\\.","b":"\\u005c."}']);
  assert.equal(text, '"\\.",\n"\\.","\\."\n');
});

test('counts a cell that a spreadsheet would cut, by its characters', async () => {
  const lines = [32_767, 32_768].flatMap((length) =>
    ['é', 'x'].map((letter) => `{"kind":"x","a":"${letter.repeat(length)}"}`),
  );
  assert.deepEqual((await rows(lines, { excel: true })).told, [
    'x: cells longer than 32,767 characters, which a spreadsheet cuts: 2',
  ]);
  assert.deepEqual((await rows(lines)).told, []);
});

/** A text as somebody else might escape it. */
const spelled = fc
  .tuple(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'",;\t\r\n \'=+-@\0\\/.1aé§Â\u2028\u{1f600}\ud800') }),
    ),
    fc.infiniteStream(fc.nat(9)),
  )
  .map(([text, odd]) =>
    JSON.stringify(text).replace(/\\u....|\\.|[^\\"]/gu, (character) => {
      if (character === '/' && (odd.next().value as number) > 5) return '\\/';
      if (character.length > 1 || (odd.next().value as number) < 9) return character;
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    }),
  );
const value = fc.oneof(
  { weight: 5, arbitrary: spelled },
  { weight: 2, arbitrary: fc.json({ maxDepth: 2 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('null', '-0', '1.10', '1e5', 'true', '[ 1, "a" ]', '{\r"b" : [ ]}'),
  },
);

/** csv-stringify's input for a value. */
function given(json: string): string | null {
  const parsed = parseExact(json);
  if (parsed === null) return null;
  if (typeof parsed !== 'string') return json.trim();
  return parsed.toWellFormed().replaceAll('\0', '\ufffd');
}

test('quotes cells exactly as csv-stringify does, with any delimiter', async () => {
  const delimiters = fc.constantFrom(',', ';', '\t', '|', '1', '§', 'Ã', '😀', ' ');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 5 }),
      delimiters,
      async (cells, delimiter) => {
        const { text } = await rows(
          cells.map(([a, b]) => `{"kind":"x","a":${a},"b" : ${b}}`),
          { delimiter },
        );
        const settings = { delimiter, quote_record_delimiter: true, quoted_match: /^$|^\\\.$/ };
        const expected = cells.map(([a, b]) => [given(a), given(b)]);
        // csv-stringify knows no line break but its own.
        const rendered = stringify(expected as string[][], settings);
        assert.equal(text, rendered.includes('\r') ? text : rendered);
      },
    ),
    { numRuns: 400 },
  );
});

test('warns of the row that a spreadsheet has no place for, the header counted', async () => {
  const told = async (hosts: number, options: TableOptions) => {
    const line = `{"kind":"hostids","policyId":"1","hostIds":[${'7,'.repeat(hosts - 1)}7]}`;
    const columns = ['hostId'];
    return (
      await rows([line], {
        ...{ kind: 'hostids', add: [], columns, excel: true, noHeader: false },
        ...options,
      } as TableOptions)
    ).told;
  };
  const full = 1_048_576;
  assert.deepEqual(await told(full, {}), [
    'hostids: 1048577 rows, more than the 1,048,576 of a spreadsheet; filter first, or use a database',
  ]);
  assert.deepEqual(await told(full, { noHeader: true }), []);
  assert.deepEqual(await told(full - 1, {}), []);
  assert.deepEqual(await told(full, { excel: false }), []);
});
