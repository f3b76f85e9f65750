/**
 * A line of input between two good ones, and its outcome by the contract.
 *
 * `bad`      3, `stdin:2`, what was expected and found; earlier records stand; `--skip-bad` skips it
 * `taken`    0; used like any other record
 * `told`     0; not used, counted and reported on stderr
 * `warned`   0; used, and what was changed is reported on stderr
 * `either`   0 or 3 with `stdin:2`: as far as the engine can, but never a crash
 */
export type Fate = 'bad' | 'taken' | 'told' | 'warned' | 'either';

export interface BadLine {
  name: string;
  line: string | Uint8Array;
  fate: Fate;
  /** What stderr says besides. */
  says?: RegExp;
  /** What stdout holds of it, if it is taken. */
  shows?: RegExp;
}

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const deepObjects = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const long = 'x'.repeat(64 * 1024 * 1024);

/** An object's text with more members at its end. */
const and = (object: string, members: string): string => `${object.slice(0, -1)},${members}}`;

function invalidUtf8(object: string): Uint8Array {
  const marked = Buffer.from(and(object, '"note":"a \u0001 b"'));
  return marked.map((byte) => (byte === 1 ? 0xff : byte));
}

/** Lines that are not JSON, whatever tool reads them; `start` is the start of a good line. */
export function noJson(good: string): BadLine[] {
  const broken: [string, string][] = [
    ['cut in the middle', good.slice(0, -9)],
    ['a word', 'hello'],
    ['two values', `${good} ${good}`],
    ['two commas', and(good, ',"a":1')],
    ['a comma at the end', `${good.slice(0, -1)},}`],
    ['a name without a value', and(good, '"a"')],
    ['a name without quotes', and(good, 'a:1')],
    ['a number with a leading zero', and(good, '"a":01')],
    ['a number that ends in a point', and(good, '"a":1.')],
    ['a plus sign', and(good, '"a":+1')],
    ['NaN', and(good, '"a":NaN')],
    ['half a literal', and(good, '"a":tru')],
    ['an escape that is none', and(good, '"a":"\\x41"')],
    ['half an escape', and(good, '"a":"\\u00"')],
    ['a raw tab in a string', and(good, '"a":"\t"')],
    ['a raw NUL in a string', and(good, '"a":"\u0000"')],
    ['a NUL between tokens', `${good.slice(0, -1)}\u0000}`],
    ['a string that is not closed', and(good, '"a":"b')],
    ['brackets that do not match', and(good, '"a":[1}')],
    ['rubbish in a nested value', and(good, '"a":{"b":[1,{bad}]}')],
    ['a comment', `${good} // good`],
    ['a BOM in the middle', `\ufeff${good}`],
  ];
  return broken.map(([name, line]) => ({ name, line, fate: 'bad' }));
}

/** Unusual but valid lines; `shows` is what a stage that copies lines forwards. */
export function unusual(good: string): BadLine[] {
  return [
    { name: 'a line of 64 MB', line: and(good, `"a":"${long}"`), fate: 'taken' },
    { name: 'arrays in arrays, 5000 deep', line: and(good, `"a":${deep(5000)}`), fate: 'either' },
    { name: 'arrays in arrays, 2 million deep', line: and(good, `"a":${deep(2_000_000)}`), fate: 'either' },
    {
      name: 'objects in objects, 200,000 deep',
      line: and(good, `"a":${deepObjects(200_000)}`),
      fate: 'either',
    },
    { name: 'a member twice', line: and(good, '"a":1,"a":2'), fate: 'taken' },
    {
      name: 'a member __proto__',
      line: and(good, '"__proto__":{"polluted":1},"constructor":2'),
      fate: 'taken',
    },
    { name: 'half a surrogate pair', line: and(good, '"a":"\\ud800 b"'), fate: 'taken' },
    { name: 'an escaped NUL', line: and(good, '"a":"b\\u0000c"'), fate: 'taken' },
    { name: 'U+2028 and U+2029 as they are', line: and(good, '"a":"b\u2028c\u2029d"'), fate: 'taken' },
    {
      name: 'numbers beyond any',
      line: and(good, '"a":123456789012345678901234567890,"b":1e999'),
      fate: 'taken',
    },
    { name: 'a number for a name', line: and(good, '"1":2,"0":3'), fate: 'taken' },
    { name: 'bytes that are no UTF-8', line: invalidUtf8(good), fate: 'warned', says: /UTF-8|U\+FFFD/ },
    { name: 'white space around', line: ` \t${good}\r`, fate: 'taken' },
    { name: 'a blank line', line: ' \t ', fate: 'taken' },
  ];
}

/** Values that are not records. */
export function noRecords(fate: Fate): BadLine[] {
  const values = ['null', 'true', '[null]', '"text"', '12.5', '-3'];
  return values.map((line) => ({ name: line, line, fate }));
}
