import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExact } from 'pcrs-records/json';
import { isObject } from 'pcrs-records/kinds';
import { World } from 'pcrs-simulator';
import { CsvTable, type TableOptions } from './table.ts';

/** The rows and reports of lines, once as bytes where that goes, once parsed; and how many went as bytes. */
function both(kind: string, lines: readonly string[], options: TableOptions = {}) {
  const [fast, slow] = [new CsvTable(kind, options), new CsvTable(kind, options)];
  let asBytes = 0;
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\n`);
    const end = fast.addLine(bytes, 0);
    let value: unknown;
    try {
      value = parseExact(bytes.toString('utf8', 0, bytes.length - 1));
    } catch {}
    const forIt = isObject(value) && value['kind'] === kind;
    if (end >= 0) {
      asBytes += 1;
      assert.equal(end, bytes.length - 1, line);
      assert.ok(forIt, `not a record of kind ${kind}: ${line}`);
    } else if (forIt) fast.add(value as never, line);
    if (forIt) slow.add(value as never, line);
  }
  const result = (table: CsvTable) => [
    Buffer.from(table.end()).toString(),
    table.reports(),
    table.rows,
    table.records,
  ];
  return { fast: result(fast), slow: result(slow), asBytes };
}

/** Members of an object, of which two may have one name. */
class Pairs {
  readonly pairs: readonly (readonly [string, unknown])[];
  constructor(pairs: readonly (readonly [string, unknown])[]) {
    this.pairs = pairs;
  }
}

const names = fc.constantFrom(
  ...[
    'id',
    'policyTitle',
    'os',
    'status',
    'technology',
    'criticality',
    'evidence',
    'causeOfFailure',
    'currentBatch',
  ],
  ...['owner', 'team', 'team.name', '__proto__', 'constructor', 'a"b', 'é', ''],
);
const parts = fc.constantFrom(
  'id',
  'name',
  'label',
  'value',
  'expectedValues',
  'currentValues',
  'missing',
  'x',
  'é',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'",;\t\r\n \'=+-@\0\\/aé\u2028\u{1f600}\ud800') }),
);
const scalar = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false, 0, -5, 1.5, 1e300) },
);
const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  {
    weight: 3,
    arbitrary: fc.array(fc.tuple(parts, fc.oneof(scalar, fc.jsonValue()))).map((pairs) => new Pairs(pairs)),
  },
  { weight: 1, arbitrary: fc.jsonValue() },
);

/** JSON as somebody else might spell it. */
function spell(any: unknown, odd: () => number): string {
  const space = () => ['', '', '', ' ', '\t', ' \r '][odd() % 6];
  const wrap = (open: string, inner: string[], close: string) =>
    `${open}${space()}${inner.join(`${space()},${space()}`)}${space()}${close}`;
  if (any instanceof Pairs) {
    return wrap(
      '{',
      any.pairs.map(([name, part]) => `${spell(name, () => 9)}${space()}:${space()}${spell(part, odd)}`),
      '}',
    );
  }
  if (Array.isArray(any))
    return wrap(
      '[',
      any.map((one) => spell(one, odd)),
      ']',
    );
  if (typeof any === 'string') {
    return JSON.stringify(any).replace(/\\u....|\\.|[^\\"]/gu, (character) => {
      if (character === '/' && odd() % 2 === 0) return '\\/';
      if (character.length > 1 || odd() % 12 > 0) return character;
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
  }
  if (typeof any === 'object' && any !== null) return spell(new Pairs(Object.entries(any)), odd);
  if (typeof any === 'number')
    return [String(any), `${any}`, any === 1.5 ? '1.50' : String(any)][odd() % 3] as string;
  return JSON.stringify(any);
}

const line = fc
  .tuple(
    fc.constantFrom('posture', 'posture', 'posture', 'posture', 'policy', undefined),
    fc.array(fc.tuple(names, value), { maxLength: 8 }),
    fc.infiniteStream(fc.nat()),
  )
  .map(([kind, members, stream]) => {
    const odd = () => stream.next().value as number;
    const all = members.map(([name, member]) => `${spell(name, () => 9)}:${spell(member, odd)}`);
    const tagged = kind === undefined ? all : [`"kind":${JSON.stringify(kind)}`, ...all];
    return `{${tagged.join(odd() % 9 === 0 ? ' , ' : ',')}}`;
  });

const options = fc.constantFrom<TableOptions>(
  ...[{}, {}, { excel: true }, { delimiter: 'tab' }, { delimiter: ';' }, { delimiter: '1' }, { extra: true }],
  ...[
    { columns: ['status', 'id', 'status'] },
    { columns: ['technology_name', 'evidence_currentValues'] },
    { columns: ['evidence_other', 'id'], excel: true },
    { add: ['owner', 'team.name', 'evidence', 'technology.x', 'team.x.id'] },
    { add: ['kind'] },
  ],
);

test('rows written from bytes are those of the parsed records', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), options, (lines, chosen) => {
      const { fast, slow } = both('posture', lines, chosen);
      assert.deepEqual(fast, slow);
    }),
    { numRuns: 1000 },
  );
});

test('rows written from bytes are right where a line changes its mind', () => {
  const lines = [
    '{"kind":"posture","evidence":{"expectedValues":"\\u0041","expectedValues":""}}',
    '{"kind":"posture","evidence":{"expectedValues":"\\u0041","currentValues":[1.10],"x":{"y":"\\u0000"}}}',
    '{"kind":"posture","id":1,"id":2}',
    '{"kind":"posture","evidence":"\\ud800","os":"\\u0022,"}',
    '{"kind":"posture","technology":{"id":1,"name":{"a":"b"}},"criticality":"high"}',
    '{"kind":"posture","technology":{"id":1,"vendor":2}}',
    '{"kind":"posture","technology":{},"criticality":null,"evidence":[],"causeOfFailure":0}',
    '{"kind":"posture","\\u0069d":7,"os":{"a":1}}',
    '{"id":1,"kind":"posture"}',
    '{"kind":"posture","id":1,"kind":"posture"}',
    '{"kind":"posture"}',
  ];
  for (const chosen of [{}, { excel: true }, { columns: ['evidence_expectedValues', 'os'] }]) {
    for (const one of lines) {
      const { fast, slow } = both('posture', [one, one], chosen);
      assert.deepEqual(fast, slow, one);
    }
  }
});

test('a line that was damaged is never written from its bytes', () => {
  fc.assert(
    fc.property(line, fc.nat(), fc.constantFrom('', ...'",:{}[]\\0e.-tu \0\u0001'), (whole, at, put) => {
      const place = at % whole.length;
      const { fast, slow } = both('posture', [whole.slice(0, place) + put + whole.slice(place + 1)]);
      assert.deepEqual(fast, slow);
    }),
    { numRuns: 1000 },
  );
});

test('the gateway’s records, as a simulator makes them, are all written from their bytes', () => {
  const world = new World({ policies: 4, hosts: 10, controls: 20 });
  const lines = [...world.posture({ evidence: 'extended' })].map(
    (record) => `{"kind":"posture",${record.slice(1)}`,
  );
  const { fast, slow, asBytes } = both('posture', lines);
  assert.deepEqual(fast, slow);
  assert.ok(lines.length > 100);
  assert.equal(asBytes, lines.length);
});
