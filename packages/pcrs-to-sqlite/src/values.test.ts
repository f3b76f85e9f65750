import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { SinkReader } from 'pcrs-sink/reader';
import { type Bound, boundOf, type ColumnType } from './values.ts';

const db = new Sqlite(':memory:');
db.exec('CREATE TABLE t (i INTEGER, t TEXT, a)');
const columns: Record<ColumnType, string> = { INTEGER: 'i', TEXT: 't', ANY: 'a' };

/** The bound value for a member with this JSON. */
async function bound(json: string, type: ColumnType): Promise<Bound> {
  let value: Bound = null;
  const reader = new SinkReader({
    tableOf: () => ({
      columns: ['a'],
      take(record) {
        value = boundOf(record, 0, type, { loneSurrogates: 0, nulCharacters: 0 });
      },
    }),
  });
  for await (const lines of reader.blocks([Buffer.from(`{"kind":"x","a":${json}}\n`)])) reader.take(lines);
  return value;
}

/** What a column of this type stores for a JSON text: `typeof` and the value as text. */
async function stored(json: string, type: ColumnType): Promise<{ type: string; text: string | null }> {
  const value = await bound(json, type);
  const column = columns[type];
  return db
    .prepare(
      `INSERT INTO t (${column}) VALUES (?) RETURNING typeof(${column}) AS type, CAST(${column} AS TEXT) AS text`,
    )
    .get(value) as { type: string; text: string | null };
}

test('stores a value as the column can hold it', async () => {
  const cases: [json: string, type: ColumnType, typeOf: string, text: string | null][] = [
    ['0', 'INTEGER', 'integer', '0'],
    ['-5', 'INTEGER', 'integer', '-5'],
    ['"00000000000000000x"', 'INTEGER', 'text', '00000000000000000x'],
    ['"609153601"', 'INTEGER', 'integer', '609153601'],
    ['9223372036854775807', 'INTEGER', 'integer', '9223372036854775807'],
    ['"-9223372036854775808"', 'INTEGER', 'integer', '-9223372036854775808'],
    ['""', 'INTEGER', 'text', ''],
    ['true', 'INTEGER', 'text', 'true'],
    ['{"a":1}', 'INTEGER', 'text', '{"a":1}'],
    ['null', 'INTEGER', 'null', null],
    ['5', 'TEXT', 'text', '5'],
    ['1e400', 'TEXT', 'text', '1e400'],
    ['"\\u0041"', 'TEXT', 'text', 'A'],
    ['"Größe “€”"', 'TEXT', 'text', 'Größe “€”'],
    ['"\\u00e4ä\\n"', 'TEXT', 'text', 'ää\n'],
    ['"é"', 'INTEGER', 'text', 'é'],
    ['["é",{"ü":"\\""}]', 'ANY', 'text', '["é",{"ü":"\\""}]'],
    ['5', 'ANY', 'integer', '5'],
    ['9007199254740993', 'ANY', 'integer', '9007199254740993'],
    ['10000000000000000000', 'ANY', 'text', '10000000000000000000'],
    ['1.5', 'ANY', 'real', '1.5'],
    ['1.10', 'ANY', 'text', '1.10'],
    ['1e400', 'ANY', 'text', '1e400'],
    ['-0', 'ANY', 'text', '-0'],
    ['"5"', 'ANY', 'text', '5'],
  ];
  for (const [json, type, typeOf, text] of cases) {
    assert.deepEqual({ ...(await stored(json, type)) }, { type: typeOf, text }, `${json} in ${type}`);
  }
});

test('refuses values that SQLite would store differently in an INTEGER column', async () => {
  const refused = [
    '9223372036854775808',
    '-9223372036854775809',
    '1.5',
    '1e2',
    '1.0',
    '-0',
    '"007"',
    '" 7"',
    '"1e5"',
    '".5"',
    '"+1"',
    '"5."',
  ];
  for (const json of refused) {
    await assert.rejects(stored(json, 'INTEGER'), { name: 'RangeError', message: /^must be .*got / }, json);
  }
});

test('keeps any JSON value intact in any column, or refuses it', async () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
    fc
      .tuple(fc.integer(), fc.nat(999), fc.integer({ min: -30, max: 30 }))
      .map(([a, b, c]) => `${a}.${b}e${c}`),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    number,
    number.map((digits) => ` ${digits} `),
  );
  const json = fc.oneof(
    number,
    text.map((value) => JSON.stringify(value)),
    fc.json(),
  );
  await fc.assert(
    fc.asyncProperty(json, fc.constantFrom<ColumnType>('INTEGER', 'TEXT', 'ANY'), async (raw, type) => {
      let found: Awaited<ReturnType<typeof stored>>;
      try {
        found = await stored(raw, type);
      } catch (error) {
        assert.ok(error instanceof RangeError && type === 'INTEGER', `${raw} in ${type}: ${error}`);
        return;
      }
      const value = JSON.parse(raw);
      if (value === null) assert.equal(found.type, 'null');
      else if (found.type === 'real') assert.equal(Number(found.text), value);
      else assert.equal(found.text, typeof value === 'string' ? value.toWellFormed() : raw);
    }),
    { numRuns: 300 },
  );
});
