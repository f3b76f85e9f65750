import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { forms } from './places.ts';
import { elementsOf, integerOf, textOf, unescapedInto } from './values.ts';

const units = fc.array(
  fc.constantFrom('a', '"', '\\', '/', '\b\f\n\r\t', '\u0000', 'é', '€', '😀', '\ud83d', '\ude00', '\u007f'),
  { maxLength: 12 },
);
/** A string's JSON without its quotes, spelled in any valid way. */
const spelled = fc.tuple(units, fc.integer({ min: 0, max: 2 })).map(([parts, how]) => {
  const json = JSON.stringify(parts.join(''))
    .slice(1, -1)
    .replaceAll('/', how > 0 ? '\\/' : '/');
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return how < 2
    ? json
    : json.replace(/[^\0-\x7f]/g, (unit) => escaped(unit).toUpperCase().replace('U', 'u'));
});

describe('the values of places', () => {
  it('undoes escapes as JSON.parse does', () => {
    fc.assert(
      fc.property(spelled, (json) => {
        const bytes = Buffer.from(`..${json}`);
        const text: string = JSON.parse(`"${json}"`);
        assert.equal(textOf(bytes, 2, (bytes.length << 4) | forms.escapedWide), text);
        const target = Buffer.alloc(bytes.length + 3, '.');
        const end = unescapedInto(target, 1, bytes, 2, bytes.length);
        assert.equal(target.toString('utf8', 1, end), text.toWellFormed());
        assert.ok(end - 1 <= bytes.length - 2);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds the elements of an array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.constantFrom(0, 1), (list, indent) => {
        const bytes = Buffer.from(`..${JSON.stringify(list, undefined, indent)}..`);
        const places = elementsOf(bytes, 2, ((bytes.length - 2) << 4) | forms.nested);
        const found = Array.from({ length: places.length / 2 }, (_, index) =>
          JSON.parse(bytes.toString('utf8', places[2 * index], places[2 * index + 1])),
        );
        assert.deepEqual(found, JSON.parse(JSON.stringify(list)));
      }),
    );
  });

  it('reads integers of at most 15 digits', () => {
    for (const number of [0, 7, -12, 999_999_999_999_999, -999_999_999_999_999]) {
      const bytes = Buffer.from(` ${number},`);
      assert.equal(integerOf(bytes, 1, ((bytes.length - 1) << 4) | forms.integer), number);
    }
  });
});
