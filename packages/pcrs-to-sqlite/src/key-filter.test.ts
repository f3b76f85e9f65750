import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyFilter } from './key-filter.ts';

const part = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
  fc.string(),
);

test('recognises every key it was given, however its parts are written', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(part, part)), (keys) => {
      const filter = new KeyFilter(1024);
      for (const key of keys) filter.add(key);
      for (const key of keys) {
        assert.ok(filter.add(key));
        assert.ok(filter.add(key.map((one) => (typeof one === 'number' ? String(one) : one))));
      }
    }),
  );
});

test('mistakes none of 100,000 neighbouring keys for another at 160 bits a key', () => {
  const filter = new KeyFilter(1 << 21);
  let mistaken = 0;
  for (let host = 0; host < 100; host += 1) {
    for (let id = 0; id < 1000; id += 1) {
      if (filter.add([5772988, 118000 + host, 23006235045 + host * 1000 + id, '0'])) mistaken += 1;
    }
  }
  assert.equal(mistaken, 0);
});
