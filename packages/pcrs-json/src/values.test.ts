import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { forms } from './places.ts';
import { textOf } from './values.ts';

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
      }),
      { numRuns: 2000 },
    );
  });
});
