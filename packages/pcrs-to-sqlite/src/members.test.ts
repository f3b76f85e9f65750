import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decoded } from './byte-lines.ts';
import { asBytes } from './fixture.test.ts';
import { skipSpace } from './json-text.ts';
import { MemberError } from './member-error.ts';
import { Members } from './members.ts';

const columns = [
  { name: 'id', type: 'INTEGER' },
  { name: 'text', type: 'TEXT' },
  { name: 'other', type: 'ANY' },
] as const;
const counts = () => ({ loneSurrogates: 0, nulCharacters: 0 });
const newMembers = () =>
  new Members('posture', columns, counts(), (name) => !['', 'odd', '名'].includes(name));

/** What `Members` makes of a text: the members' values by name, or why not. */
function read(members: Members, text: string): Map<string, unknown> | string {
  try {
    const bytes = asBytes(text);
    if (skipSpace(bytes, members.read(bytes, 0)) !== bytes.length) return 'no JSON';
  } catch (error) {
    if (error instanceof SyntaxError) return 'no JSON';
    if (error instanceof MemberError) return 'refused';
    throw error;
  }
  const filled = members.shape.slots.map((slot): [string, unknown] => [
    members.names[slot] as string,
    members.isVerbatim(slot) ? JSON.parse(decoded(members.raws[slot] as string)) : members.bound(slot),
  ]);
  const found = new Map<string, unknown>([...filled, ...Object.entries(JSON.parse(`{${members.extras}}`))]);
  return found;
}

/** JSON in many spellings: white space anywhere, numbers as they may come. */
const spacing = fc.constantFrom('', '', '', ' ', '\t', ' \r ');
const numbers = fc.constantFrom(
  '0',
  '-0',
  '1',
  '1.10',
  '1e2',
  '-1.5E-3',
  '9007199254740993',
  '18446744073709551616',
);
const { value: jsonText } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constantFrom('null', 'true', 'false'), numbers),
    fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
    fc.constantFrom('"\\u00e9\\/"', '"é"', '"Ã©"', '"é\\n“…”"', '"\\ud800"', '"\\\\"', '"\\"}"', '"\\u0000"'),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(fc.array(tie('value'), { maxLength: 3 }), spacing)
    .map(([items, gap]) => `[${gap}${items.join(`,${gap}`)}${gap}]`),
  object: fc
    .tuple(fc.array(fc.tuple(fc.string({ maxLength: 3 }), tie('value')), { maxLength: 3 }), spacing)
    .map(
      ([items, gap]) =>
        `{${gap}${items.map(([name, item]) => `${JSON.stringify(name)}${gap}:${gap}${item}`).join(`${gap},`)}${gap}}`,
    ),
}));
const names = fc.constantFrom(
  'id',
  'text',
  'other',
  'new',
  '',
  'odd',
  '__proto__',
  'tex\\u0074',
  'naïve',
  '名',
);
const member = fc.tuple(names, jsonText, fc.tuple(spacing, spacing, spacing, spacing));
type MemberText = [name: string, value: string, gaps: [string, string, string, string]];
const asObject = (members: MemberText[]) =>
  `{${members.map(([name, value, [a, b, c, d]]) => `${a}"${name}"${b}:${c}${value}${d}`).join(',')}}`;
const objectText = fc.array(member, { maxLength: 6 }).map(asObject);
/** Objects with the same members in the same order, as the records of a stream are. */
const alike = fc
  .tuple(
    fc.array(names, { maxLength: 5 }),
    fc.array(fc.array(member, { minLength: 5, maxLength: 5 }), { maxLength: 4 }),
  )
  .map(([order, records]) =>
    records.map((members) =>
      asObject(
        order.map((name, index) => {
          const [, value, gaps] = members[index] as MemberText;
          return [name, value, gaps];
        }),
      ),
    ),
  );
/** One character of a text taken out, put in or replaced. */
const damage = fc.tuple(
  fc.nat(),
  fc.constantFrom('', '"', '\\', '{', '}', ',', ':', '0', '\n', '\u0001', 'é'),
  fc.nat(2),
);
const damaged = fc.tuple(objectText, damage).map(([text, [place, character, taken]]) => {
  const at = place % (text.length + 1);
  return (text.slice(0, at) + character + text.slice(at + taken)).toWellFormed();
});

function expected(text: string): Map<string, unknown> | 'no JSON' {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? new Map(Object.entries(value))
      : 'no JSON';
  } catch {
    return 'no JSON';
  }
}

/** Half a surrogate pair becomes U+FFFD on the way. */
function wellFormed(members: Map<string, unknown>): Map<string, unknown> {
  return new Map(
    [...members].map(([name, value]) => [name, typeof value === 'string' ? value.toWellFormed() : value]),
  );
}

test('takes exactly what JSON.parse takes, member for member, whatever came before', () => {
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.oneof(objectText, damaged), { maxLength: 5 }), alike), (texts) => {
      const members = newMembers();
      for (const text of texts.filter((one) => one.startsWith('{'))) {
        const found = read(members, text);
        if (found === 'refused') continue;
        const truth = expected(text);
        if (typeof found === 'string' || truth === 'no JSON') {
          assert.equal(typeof found, typeof truth, text);
          continue;
        }
        assert.deepEqual(wellFormed(found), wellFormed(truth), text);
      }
    }),
    { numRuns: 1500 },
  );
});

test('keeps each member as its own text, digits and escapes and all', () => {
  const members = newMembers();
  const evidence = '{"a" : 1.10,"b":1e2,"c":"\\u00e9\\/","d":9007199254740993}';
  read(members, `{"other":${evidence},"text":1.0}`);
  assert.equal(members.bound(members.slotOf('other')), evidence);
  assert.equal(members.bound(members.slotOf('text')), '1.0');
});

test('is not misled by what came in the same place before', () => {
  const members = newMembers();
  for (const text of ['{"id":1,"text":"a"}', '{"id":12,"text":"ab"}', '{"id":1,"text":"a\\"b"}']) {
    assert.deepEqual(read(members, text), new Map(Object.entries(JSON.parse(text))));
  }
  assert.equal(members.bound(members.slotOf('text')), 'a"b');
  assert.equal(read(members, '{"id":1,"text":"a"'), 'no JSON');
  assert.equal(read(members, '{"id":,"text":"a"}'), 'no JSON');
});

test('refuses a second kind, and a value that its column cannot hold, by name', () => {
  const members = newMembers();
  members.read('{"kind":"posture","id":1}', 0);
  assert.throws(() => members.read('{"id":1,"kind":"policy"}', 0), /kind must be "posture"/);
  assert.throws(
    () => members.read('{"id":9223372036854775808}', 0),
    /^MemberError|id must be at most 2\^63-1/,
  );
  assert.throws(() => members.read('{"id":1.5}', 0), /id must be a whole number, got 1\.5/);
  assert.throws(() => members.read('{"id":"007"}', 0), /id must be a whole number, got "007"/);
});

test('counts a changed text each time it comes', () => {
  const tally = counts();
  const members = new Members('posture', columns, tally, () => true);
  for (let time = 0; time < 3; time += 1) members.read('{"text":"\\ud800x","id":1}', 0);
  assert.equal(tally.loneSurrogates, 3);
  assert.equal(members.bound(members.slotOf('text')), '\ufffdx');
});
