import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ElementSplitter, elements, type SplitterOptions } from './elements.ts';

type Split = { text: string; count: number; controlCharacters: number; invalidUtf8: number };

async function split(
  body: string | Uint8Array | Uint8Array[],
  options: SplitterOptions = { kind: 'posture' },
): Promise<Split> {
  const walk = elements(typeof body === 'string' ? Buffer.from(body) : body, options);
  const parts: Uint8Array[] = [];
  let count = 0;
  for (;;) {
    const { done, value } = await walk.next();
    if (done) {
      assert.equal(value.elements, count);
      return {
        text: Buffer.concat(parts).toString(),
        count,
        controlCharacters: value.controlCharacters,
        invalidUtf8: value.invalidUtf8,
      };
    }
    assert.equal(value.bytes.at(-1), 0x0a);
    parts.push(value.bytes);
    count += value.count;
  }
}

const lines = async (...body: Parameters<typeof split>): Promise<string> => (await split(...body)).text;

function chunked(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** A JSON text with white space between its tokens. */
function spaced(value: unknown, blank: () => string): string {
  if (Array.isArray(value))
    return `[${blank()}${value.map((item) => `${spaced(item, blank)}${blank()}`).join(`,${blank()}`)}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}${blank()}:${blank()}${spaced(member, blank)}${blank()}`,
  );
  return `{${blank()}${members.join(`,${blank()}`)}}`;
}

const members = fc.dictionary(
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('k', 'i', '"', '\\', '{', ']') }),
  ),
  fc.jsonValue(),
  { maxKeys: 5 },
);
const objects = fc.array(members, { maxLength: 8 });
const chunkSizes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 5 }),
  fc.constant([100_000]),
);
const blanks = fc.array(fc.constantFrom('', '', ' ', '\n', '\r\n', '\t', '  '), {
  minLength: 1,
  maxLength: 7,
});

/** The ids that JSON.parse finds, as digits, or undefined. */
function pairOf(text: string): (string | undefined)[] {
  const source = (_: string, value: unknown, { source }: { source?: string } = {}) =>
    typeof value === 'number' ? source : value;
  const element = JSON.parse(text, source as never) as Record<string, unknown>;
  return ['policyId', 'hostId'].map((name) => {
    const value = element[name];
    return typeof value === 'string' && /^\d+$/.test(value) ? value : undefined;
  });
}

describe('elements of a JSON array', () => {
  it('puts the kind in front of the bytes as the gateway sent them', async () => {
    assert.equal(
      await lines('[{"id":9007199254740993,"a":1.10,"b":1e2,"c":"\\u0041\\/é","b":null},{},{ }]'),
      '{"kind":"posture","id":9007199254740993,"a":1.10,"b":1e2,"c":"\\u0041\\/é","b":null}\n{"kind":"posture"}\n{"kind":"posture"}\n',
    );
  });

  it('writes elements unchanged without a kind', async () => {
    assert.equal(await lines('[{"kind":"x"},{},{"a":[{}]}]', {}), '{"kind":"x"}\n{}\n{"a":[{}]}\n');
  });

  it('removes line breaks between tokens and leaves other white space as sent', async () => {
    assert.equal(
      await lines('[\n  {\r\n  "a" :\t1,\n\t"b" : [ 1,\n 2 ]\n}\n]\n'),
      '{"kind":"posture",  "a" :\t1,\t"b" : [ 1, 2 ]}\n',
    );
    assert.equal(await lines('[{"a":"kind"\n}]'), '{"kind":"posture","a":"kind"}\n');
  });

  it('accepts several arrays in a row, an empty text, an empty array and a byte order mark', async () => {
    assert.equal(
      await lines('\ufeff [{"a":1}]\n[ ] [{"b":2},]'),
      '{"kind":"posture","a":1}\n{"kind":"posture","b":2}\n',
    );
    for (const empty of ['', ' \n', '\ufeff', '[]', '\ufeff[ ]']) assert.equal(await lines(empty), '');
  });

  it('equals JSON.parse for any array of objects in any chunks with any white space', async () => {
    await fc.assert(
      fc.asyncProperty(objects, chunkSizes, blanks, async (array, sizes, spaces) => {
        let turn = 0;
        const text = spaced(array, () => spaces[turn++ % spaces.length]!);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(array)));
        const result = await split(chunked(Buffer.from(text), sizes), {});
        const parsed = result.text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line));
        assert.deepEqual(parsed, JSON.parse(text));
        assert.equal(result.count, array.length);
        assert.equal(result.controlCharacters + result.invalidUtf8, 0);
      }),
      { numRuns: 200 },
    );
  });

  it('treats a body in one chunk, whose plain elements are scanned at once, like one in small chunks', () => {
    const word = fc.oneof(
      fc.constantFrom('"kind"', '"policyId"', '"hostId"', '"p"', '"é\\u0069"', '"\\"}"', '"k\\u0069nd"'),
      fc.constantFrom('1', '"12"', '-1.5e3', 'null', '01', '{}', '[{"policyId":1}]', '{"a":"]"}', '"\u0001"'),
      // blocks of 64 bytes end anywhere in the following text
      fc
        .tuple(fc.nat(66), fc.nat(4))
        .map(([letters, slashes]) => `"${'x'.repeat(letters)}${'\\\\'.repeat(slashes)}\\"}"`),
    );
    const token = fc.constantFrom(':', ',', '}', '{', '[', ']', '},{', ' ', '\n', '\r', '\\', '\u0000', '"');
    const member = fc.tuple(word, word).map(([name, value]) => `${name}:${value}`);
    const element = fc.array(fc.oneof({ weight: 12, arbitrary: member }, word, token), { maxLength: 5 });
    const body = fc
      .array(element, { maxLength: 6 })
      .map((list) => Buffer.from(`[${list.map((parts) => `{${parts.join(',')}}`).join(',')}]`));
    const outcome = (bytes: Buffer, size: number, kind: string | undefined): unknown[] => {
      const seen: unknown[] = [];
      const splitter = new ElementSplitter({ kind, onPair: (...pair) => seen.push(pair) });
      const parts: Uint8Array[] = [];
      try {
        for (let at = 0; at < bytes.length; at += size) {
          const block = splitter.push(bytes.subarray(at, at + size));
          if (block !== undefined) parts.push(block.bytes);
        }
        parts.push(splitter.end()?.bytes ?? Buffer.alloc(0));
        seen.push(Buffer.concat(parts).toString(), splitter.controlCharacters);
      } catch (error) {
        // the value of a kind member is quoted only as far as it has arrived
        seen.push((error as Error).message.replace(/of its own .*/s, ''));
      }
      return [...seen, splitter.elements];
    };
    fc.assert(
      fc.property(
        body,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('posture', undefined),
        (bytes, size, kind) => {
          assert.deepEqual(outcome(bytes, bytes.length, kind), outcome(bytes, size, kind));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses every prefix of an array, cut at any byte', () => {
    fc.assert(
      fc.property(objects, blanks, (array, spaces) => {
        let turn = 0;
        const bytes = Buffer.from(spaced(array, () => spaces[turn++ % spaces.length]!));
        for (let length = 1; length < bytes.length; length++) {
          const splitter = new ElementSplitter();
          splitter.push(bytes.subarray(0, length));
          assert.throws(() => splitter.end(), { code: 'PCRS_BROKEN_BODY' });
        }
      }),
      { numRuns: 25 },
    );
  });

  it('names the element and the byte of a broken body', async () => {
    const cases: [string, RegExp][] = [
      ['{"message":"no"}', /^byte 0: expected a JSON array, found "\{"$/],
      ['[{"a":1} x]', /^element 2, byte 9: expected an object, a comma or the array's end, found "x"$/],
      ['[1]', /^element 1, byte 1: expected an object/],
      ['[{"a":1},[{}]]', /^element 2, byte 9: expected an object/],
      ['[{"a":[1}]', /^element 1, byte 8: \} closes a \[$/],
      ['[{"a":{]', /^element 1, byte 7: \] closes a \{$/],
      ['[{a:1}]', /^element 1, byte 2: expected a member's name or \}, found "a"$/],
      ['[{"a":\u0000}]', /^element 1, byte 6: unexpected byte 0x00 outside a string$/],
      ['[{"a":\\"x\\"}]', /^element 1, byte 6: unexpected "\\" outside a string$/],
      ['[{"a":1}, "b"]', /^element 2, byte 10: expected an object/],
      ['[{"a":é}]', /^element 1, byte 6: unexpected byte 0xc3 outside a string$/],
      ['[{"a":1}', /^element 2, byte 8: the text ends before the array is closed$/],
      ['[{"a":"', /^element 1, byte 7: the text ends before the array is closed$/],
      ['[{"a":1}]]', /^byte 9: expected a JSON array, found "\]"$/],
      ['[],[]', /^byte 2: expected a JSON array, found ","$/],
    ];
    for (const [text, message] of cases)
      await assert.rejects(split(text), { code: 'PCRS_BROKEN_BODY', message }, text);
  });

  it('names a top-level kind member and its value, however it is spelled and cut', async () => {
    const cases: [string, string][] = [
      ['[{},{"a":1,"kind" : "Win\\"dows","b":2}]', '"Win\\"dows"'],
      ['[{},{"k\\u0069nd":{"a":1}}]', '{"a":1}'],
      ['[{},{"\\u006b\\u0069\\u006e\\u0064":12 }]', '12'],
      ['[{},{"kind":null}]', 'null'],
    ];
    for (const [text, value] of cases) {
      for (const size of [1, 2, 7, 1000]) {
        await assert.rejects(
          split(chunked(Buffer.from(text), [size])),
          (error: Error & { code?: string; value?: string }) => {
            assert.equal(error.code, 'PCRS_GATEWAY');
            assert.match(error.message, /^element 2: the gateway sent a top-level member "kind" of its own/);
            if (value.startsWith('{')) assert.ok(error.value?.startsWith('{'), error.value);
            else assert.equal(error.value, value);
            return true;
          },
        );
      }
    }
  });

  it('ignores a kind that is not a top-level name', async () => {
    const text =
      '{"a":{"kind":1},"b":"kind","kinds":2,"\\kind":3,"c":["kind",{"kind":4}],"ki\\u006ed2":5,"k":":"}';
    for (const size of [1, 3, 1000]) {
      assert.equal(
        await lines(chunked(Buffer.from(`[${text}]`), [size])),
        `{"kind":"posture",${text.slice(1)}\n`,
      );
    }
  });

  it("reads each element's own policyId and hostId as digits, in any order, spelling and chunks", () => {
    const id = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
      fc.bigInt({ min: 0n, max: 10n ** 20n }).map((digits) => `"${digits}"`),
      fc.constantFrom(
        '"\\u0031\\u0032"',
        'null',
        '1.5',
        '-1',
        '""',
        '"1x"',
        '[7]',
        '{"policyId":7}',
        '"12\\n"',
      ),
    );
    const name = fc.constantFrom(
      'policyId',
      'hostId',
      '\\u0070olicyId',
      'hostI\\u0064',
      'hostIds',
      'p',
      'policyIdx',
      'kind',
    );
    const value = fc.oneof(
      id,
      fc.constantFrom('"policyId"', '"hostId\\":1"', '[{"hostId":4},"policyId"]', 'true'),
    );
    const member = fc.tuple(name, value).map(([key, text]) => `"${key}":${text}`);
    const space = fc.constantFrom('', ' ', '\n  ', '\t');
    const element = fc.tuple(fc.array(member, { maxLength: 6 }), space).map(([list, gap]) => ({
      text: `{${gap}${list.map((text) => text.replace(':', `${gap}:${gap}`)).join(`${gap},${gap}`)}${gap}}`,
      plain: `{${list.join(',')}}`,
    }));
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), fc.constantFrom(1, 3, 17, 1000), (list, size) => {
        const found: unknown[] = [];
        const splitter = new ElementSplitter({ onPair: (...pair) => found.push(pair) });
        const text = Buffer.from(`[${list.map((one) => one.text).join(',')}]`);
        for (let at = 0; at < text.length; at += size) splitter.push(text.subarray(at, at + size));
        splitter.end();
        assert.deepEqual(
          found,
          list.map(({ plain }) => pairOf(plain)),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('writes raw control characters in strings as escapes and counts them', async () => {
    const raw = Array.from({ length: 0x20 }, (_, byte) => String.fromCharCode(byte)).join('');
    for (const size of [1, 5, 1000]) {
      const result = await split(chunked(Buffer.from(`[{"a":"${raw}","b\n":"\\\n\\\\\t"}]`), [size]));
      assert.equal(result.controlCharacters, 0x20 + 3);
      assert.deepEqual(JSON.parse(result.text), { kind: 'posture', a: raw, 'b\n': '\\\n\\\t' });
    }
  });

  it('writes invalid UTF-8 as U+FFFD like the WHATWG decoder, and counts it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc3, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xef, 0xbd, 0xff), {
          maxLength: 12,
        }),
        chunkSizes,
        async (noise, sizes) => {
          const bytes = Buffer.concat([Buffer.from('[{"a":"'), Buffer.from(noise), Buffer.from('"}]')]);
          const result = await split(chunked(bytes, sizes));
          const expected = new TextDecoder().decode(Buffer.from(noise));
          assert.equal(JSON.parse(result.text).a, expected);
          const valid = Buffer.from(noise).toString('latin1').split('\xef\xbf\xbd').length - 1;
          assert.equal(result.invalidUtf8, expected.split('\ufffd').length - 1 - valid);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('accepts nesting a million deep and long strings', async () => {
    const depth = 1_000_000;
    const deep = `{"a":${'['.repeat(depth)}${']'.repeat(depth)},"b":"${'x"'.replace('"', '\\"').repeat(300_000)}"}`;
    assert.equal(await lines(`[${deep}]`), `{"kind":"posture",${deep.slice(1)}\n`);
    await assert.rejects(split(`[{"a":${'['.repeat(depth)}${']'.repeat(depth - 1)}}]`), {
      code: 'PCRS_BROKEN_BODY',
    });
  });

  it('refuses an element longer than the limit, in one chunk and in many', async () => {
    const text = Buffer.from(`[{"a":1},{"a":"${'x'.repeat(100)}"}]`);
    for (const size of [1, 1000]) {
      await assert.rejects(split(chunked(text, [size]), { maxElementBytes: 100 }), {
        code: 'PCRS_BROKEN_BODY',
        message: /^element 2, byte \d+: longer than 100 bytes$/,
      });
    }
    assert.equal((await split(text, { maxElementBytes: 109 })).count, 2);
  });

  it('yields the first lines early and the later ones in large blocks', async () => {
    const element = JSON.stringify({ text: 'x'.repeat(2000) });
    const body = Buffer.from(`[${Array(1000).fill(element).join(',')}]`);
    const sizes: number[] = [];
    for await (const block of elements(chunked(body, [4096]), { kind: 'posture' }))
      sizes.push(block.bytes.length);
    assert.ok(sizes[0]! < 24_000, `${sizes[0]}`);
    assert.ok(Math.max(...sizes) >= 256 << 10, `${sizes}`);
  });

  it('reuses the memory of large blocks, and no other', () => {
    const text = Buffer.from(
      `[${Array.from({ length: 3000 }, (_, id) => JSON.stringify({ id, text: 'x'.repeat(id % 999) })).join(',')}]`,
    );
    const splitter = new ElementSplitter({ kind: 'posture' });
    const buffers = new Set<unknown>();
    let lines = '';
    for (let at = 0; at < text.length; at += 10_000) {
      const block = splitter.push(text.subarray(at, at + 10_000));
      if (block === undefined) continue;
      lines += Buffer.from(block.bytes).toString();
      assert.ok(!buffers.has(block.bytes.buffer) || block.bytes.length >= 256 << 10);
      buffers.add(block.bytes.buffer);
      splitter.recycle(block);
    }
    lines += Buffer.from(splitter.end()?.bytes ?? []).toString();
    const expected = JSON.parse(text.toString()).map((element: object) =>
      JSON.stringify({ kind: 'posture', ...element }),
    );
    assert.deepEqual(lines.split('\n').slice(0, -1), expected);
    assert.ok(buffers.size <= 7, `${buffers.size}`);
  });

  it('reads an element of a hundred megabytes without copying it over and over', () => {
    const splitter = new ElementSplitter();
    const piece = Buffer.alloc(256 << 10, 'x');
    splitter.push(Buffer.from('[{"a":"'));
    for (let count = 0; count < 400; count++) assert.equal(splitter.push(piece), undefined);
    assert.equal(splitter.heldBytes, 6 + 400 * piece.length);
    assert.equal(splitter.push(Buffer.from('"}'))?.bytes.length, 9 + 400 * piece.length);
    splitter.push(Buffer.from(']'));
    assert.equal(splitter.end(), undefined);
  });
});
