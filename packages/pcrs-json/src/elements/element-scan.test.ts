import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { elementScan, type TextState } from './element-scan.ts';

type Event = [at: number, inString: boolean];

/** The same, a byte at a time. */
function slowly(text: Buffer): Event[] {
  const events: Event[] = [];
  let [inString, escaped] = [false, false];
  for (const [at, byte] of text.entries()) {
    const character = String.fromCharCode(byte);
    const isQuote = character === '"' && !escaped;
    if (byte < 0x20) events.push([at, inString]);
    else if (!inString && (byte > 0x7f || '{}[]\\'.includes(character))) events.push([at, false]);
    else if (isQuote && !inString && [undefined, ...Buffer.from('kph\\')].includes(text[at + 1]))
      events.push([at, true]);
    if (isQuote) inString = !inString;
    escaped = inString && character === '\\' && !escaped;
  }
  return events;
}

function inPieces(text: Buffer, size: number): { events: Event[]; state: TextState; ends: number[] } {
  const events: Event[] = [];
  const ends: number[] = [];
  const scan = elementScan();
  let state: TextState = { inString: 0, escaped: 0 };
  for (let from = 0; from < text.length; from += size) {
    const piece = text.subarray(from, from + size);
    scan.load(piece);
    state = scan.events(0, state, (at, inString) => {
      events.push([from + at, inString]);
      return false;
    });
    ends.push(from + piece.length - 1);
  }
  return { events, state, ends };
}

describe('the scan of elements', () => {
  it('finds what a loop over the bytes finds, in pieces of any size', () => {
    const bytes = fc.constantFrom(
      ...Buffer.from('"""\\\\\\\\{}[]kkpphhab :,\n\t\u0000~', 'latin1'),
      0x80,
      0xc3,
      0xff,
    );
    const texts = fc.array(bytes, { maxLength: 400 }).map((list) => Buffer.from(list));
    fc.assert(
      fc.property(texts, fc.constantFrom(1, 2, 63, 64, 65, 100, 128, 1000), (text, size) => {
        const { events, ends } = inPieces(text, size);
        // a quote that ends a piece is an event even if the next piece begins with neither k nor a backslash
        const certain = events.filter(
          ([at]) =>
            text[at] !== 0x22 ||
            !ends.includes(at) ||
            [undefined, ...Buffer.from('kph\\')].includes(text[at + 1]),
        );
        assert.deepEqual(certain, slowly(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('knows at the end of each piece whether it is in a string and whether the next byte is escaped', () => {
    for (let run = 0; run < 200; run++) {
      const text = Buffer.from(`"${'x'.repeat(run % 67)}${'\\'.repeat(run % 5)}`);
      for (const size of [1, 64, 1000]) {
        assert.deepEqual(inPieces(text, size).state, { inString: 1, escaped: (run % 5) % 2 });
      }
    }
  });
});
