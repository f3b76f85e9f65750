import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineSum } from './sums.ts';

describe('a sum of lines', () => {
  it('is the sum of the CRC-32 of each, in any order', () => {
    const lines = ['123456789', '', '{"id":1}'].map((line) => Buffer.from(line));
    const sumOf = (some: readonly Buffer[]): string => {
      const sum = new LineSum();
      for (const line of some) sum.add(line);
      return sum.text;
    };
    assert.equal(sumOf(lines.slice(0, 1)), String(0xcbf43926));
    assert.equal(sumOf(lines), sumOf(lines.toReversed()));
    assert.equal(sumOf([]), '0');
  });

  it('wraps at 2^53, and loses no bit before', () => {
    const sum = new LineSum();
    let exact = 0n;
    for (const part of [2 ** 53 - 1, 0xffff_fffe, 2 ** 53 - 0xffff_fffd, 1, 2 ** 53 - 1]) {
      sum.addSum(part);
      exact = (exact + BigInt(part)) % 2n ** 53n;
      assert.equal(sum.text, String(exact));
      assert.equal(sum.value, Number(exact));
    }
  });
});
