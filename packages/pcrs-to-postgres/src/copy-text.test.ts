import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { forms } from 'pcrs-sink/places';
import { CopyText } from './copy-text.ts';

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\\', '\t', '\n', '\r', '\0', '"', '/', '.', 'u', '\ud800', '\udc00', 'é', '🜚', 'a'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});
const kept = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');
/** JSON with every character as a numeric escape. */
const spelled = (text: string) =>
  `"${text.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;

/** PostgreSQL's reading of the text. */
function read(text: CopyText): string {
  const bytes = text.take().toString();
  assert.doesNotMatch(bytes, /[\n\r\t\0]/);
  const letters: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', '\\': '\\' };
  return bytes.replace(/\\(.)/gs, (_, letter: string) => letters[letter] ?? assert.fail(`\\${letter}`));
}

const newText = () => new CopyText({ nulCharacters: 0, loneSurrogates: 0 });

test('writes a string as its characters, however JSON spells them', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      for (const json of [JSON.stringify(value), spelled(value)]) {
        const text = newText();
        const bytes = Buffer.from(json);
        text.string(bytes, 1, bytes.length - 1, forms.escapedWide);
        assert.equal(read(text), kept(value));
      }
    }),
  );
});

test('writes any text as it is', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const text = newText();
      text.text(value);
      assert.equal(read(text), kept(value));
    }),
  );
});

test('writes JSON as spelled, except for what jsonb does not accept', () => {
  fc.assert(
    fc.property(anyText, fc.integer(), (value, number) => {
      for (const inside of [JSON.stringify(value), spelled(value)]) {
        const text = newText();
        const json = `{"a" :\t${inside},"b":[${number}.50e1]}`;
        text.json(Buffer.from(json), 0, Buffer.byteLength(json));
        const got = read(text);
        assert.deepEqual(JSON.parse(got), { a: kept(value), b: [Number(`${number}.50e1`)] });
        if (kept(value) === value) assert.equal(got, json);
      }
    }),
  );
});

test('counts the characters that it could not keep', () => {
  const text = newText();
  const json = Buffer.from('"\\u0000 \\ud800 \\\\u0000 \\ud83d\\ude00 \\udc00"');
  text.json(json, 0, json.length);
  text.string(json, 1, json.length - 1, forms.escaped);
  assert.deepEqual(text.counts, { nulCharacters: 2, loneSurrogates: 4 });
});
