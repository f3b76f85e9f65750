import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endsText, fourOf, hasZero, startsWith, wordsOf } from './words.ts';

const byte = fc.oneof(
  fc.constantFrom(0, 1, 0x1f, 0x20, 0x21, 0x22, 0x5b, 0x5c, 0x7f, 0x80, 0xff),
  fc.nat(255),
);
const fourBytes = fc.tuple(byte, byte, byte, byte);
const wordOf = (bytes: readonly number[]) => wordsOf(Uint8Array.from(bytes)).getInt32(0);

test('a word is looked at as its four bytes are', () => {
  fc.assert(
    fc.property(fourBytes, byte, (bytes, wanted) => {
      assert.equal(hasZero(wordOf(bytes) ^ fourOf(wanted)), bytes.includes(wanted));
      const ends = bytes.some((one) => one === 0x22 || one === 0x5c || one < 0x20);
      assert.equal(endsText(wordOf(bytes)), ends);
    }),
    { numRuns: 2000 },
  );
});

test('a text of any length is found where it lies and nowhere else, to the last byte', () => {
  const few = fc.array(fc.constantFrom(1, 2), { maxLength: 12 });
  fc.assert(
    fc.property(few, few, fc.nat(12), (bytes, text, at) => {
      const there = bytes.length >= at + text.length && text.every((one, index) => bytes[at + index] === one);
      const [words, wanted] = [bytes, text].map((list) => wordsOf(Uint8Array.from(list)));
      assert.equal(startsWith(words!, at, wanted!), there);
    }),
    { numRuns: 2000 },
  );
});
