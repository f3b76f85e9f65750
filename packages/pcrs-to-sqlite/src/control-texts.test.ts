import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ControlTexts } from './control-texts.ts';
import { Members } from './members.ts';

const names = [
  'policyId',
  'title',
  'controlId',
  'statement',
  'rationale',
  'technologyId',
  'level',
  'status',
  'host',
];
const textNames = ['title', 'statement', 'rationale', 'level'];
const keyNames = ['policyId', 'controlId', 'technologyId'];

function open() {
  const counts = { loneSurrogates: 0, nulCharacters: 0 };
  const columns = names.map((name) => ({ name, type: 'TEXT' as const }));
  const members = new Members('posture', columns, counts, () => false);
  const slots = (of: readonly string[]) => of.map((name) => members.slotOf(name));
  const texts = new ControlTexts(members, slots(keyNames) as [number, number, number], slots(textNames));
  return { members, texts };
}

type Values = Record<string, number>;
/** A record's members in one of two orders; each value one of two, so that they come again and again. */
const record = fc.record({
  values: fc.record(Object.fromEntries(names.map((name) => [name, fc.nat(1)])), {
    requiredKeys: ['policyId', 'controlId'],
  }),
  order: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
});
/** Some records in turn, often enough that it shows which members stay as they are. */
const turns = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 4 }), fc.constantFrom(1, 2, 20, 150))
  .map(([some, times]) => Array.from({ length: times }, () => some).flat());
const orders = fc.tuple(
  fc.shuffledSubarray(names, { minLength: names.length }),
  fc.shuffledSubarray(names, { minLength: names.length }),
);

function lineOf(values: Values, order: readonly string[]): string {
  const texts = order.filter((name) => name in values).map((name) => `"${name}":"${name}-${values[name]}"`);
  return `{${texts.join(',')}}`;
}

test('reads what is there, whatever was expected, and knows which controls are stored as they are', () => {
  fc.assert(
    fc.property(orders, fc.array(turns, { maxLength: 8 }), (bothOrders, records) => {
      const { members, texts } = open();
      const stored = new Map<string, Record<string, string>>();
      for (const { values, order } of records.flat()) {
        const line = lineOf(values as Values, bothOrders[order] as string[]);
        assert.equal(members.read(line, 0), line.length);
        const truth = JSON.parse(line) as Record<string, string>;
        const read = Object.fromEntries(
          members.shape.slots.map((slot) => [members.names[slot], members.bound(slot)]),
        );
        assert.deepEqual(read, { ...truth });
        const key = keyNames.map((name) => truth[name] ?? '0').join();
        const known = stored.get(key);
        const isStored =
          known !== undefined && textNames.every((name) => !(name in truth) || known[name] === truth[name]);
        assert.equal(texts.isStored(), isStored, line);
        if (!isStored) {
          texts.keep();
          stored.set(
            key,
            Object.fromEntries(
              textNames.filter((name) => name in truth).map((name) => [name, truth[name] as string]),
            ),
          );
        }
      }
    }),
    { numRuns: 120 },
  );
});

test('stores a control once more where it was forgotten', () => {
  const { members, texts } = open();
  const read = (control: number) => {
    members.read(`{"policyId":"1","controlId":"${control}","rationale":"${'x'.repeat(1_000_000)}"}`, 0);
    if (texts.isStored()) return true;
    texts.keep();
    return false;
  };
  assert.equal(read(1), false);
  assert.equal(read(1), true);
  for (let control = 2; control < 40; control += 1) read(control);
  assert.equal(read(39), true);
  assert.equal(read(1), false);
});
