import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { objectMembers } from './object-members.ts';

const members = (text: string): [string, string][] =>
  [...objectMembers(Buffer.from(text))].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);

describe('members of a JSON object', () => {
  it('yields each value as its own bytes', () => {
    assert.deepEqual(
      members(
        '\ufeff { "subscriptionId" : 9007199254740993 ,\n"policyList": [ {"id":1,"a":"]}\\""} ] ,"s":"\\u0041","\\u0062":null,"e":{ } }\n',
      ),
      [
        ['subscriptionId', '9007199254740993'],
        ['policyList', '[ {"id":1,"a":"]}\\""} ]'],
        ['s', '"\\u0041"'],
        ['b', 'null'],
        ['e', '{ }'],
      ],
    );
    assert.deepEqual(members('{}'), []);
    assert.deepEqual(members('{"a":1,"a":2}'), [['a', '2']]);
  });

  it('equals JSON.parse for any object, and refuses every prefix of it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t'),
        (object, indent) => {
          const text = Buffer.from(JSON.stringify(object, null, indent));
          const found = [...objectMembers(text)].map(([name, bytes]) => [
            name,
            JSON.parse(Buffer.from(bytes).toString()),
          ]);
          assert.deepEqual(Object.fromEntries(found), JSON.parse(text.toString()));
          for (let length = 0; length < text.length; length++) {
            assert.throws(() => objectMembers(text.subarray(0, length)), { code: 'PCRS_BROKEN_BODY' });
          }
        },
      ),
    );
  });

  it('refuses anything but one closed object, naming the byte', () => {
    const cases: [string, RegExp][] = [
      ['', /^byte 0: expected a JSON object, found the end$/],
      ['[]', /^byte 0: expected a JSON object, found "\[\]"$/],
      ['{"a":1} x', /^byte 8: expected nothing after the object, found "x"$/],
      ['{"a":1,}', /^byte 7: expected a member's name/],
      ['{"a":}', /^byte 5: expected a value of "a"/],
      ['{"a" 1}', /^byte 5: expected a colon after "a"/],
      ['{"a":[1}]}', /^byte 7: expected the bracket that was opened last to close/],
      ['{"a":1 "b":2}', /^byte 7: expected a comma or \}/],
    ];
    for (const [text, message] of cases)
      assert.throws(() => objectMembers(Buffer.from(text)), { code: 'PCRS_BROKEN_BODY', message });
  });
});
