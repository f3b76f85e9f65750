import type { Fault } from './faults.ts';
import type { Asked } from './posture-info.ts';

const TAIL = 4096;

/** A JSON array whose text the faults break; unchanged if none does. */
export function brokenText(array: Iterable<Buffer>, faults: readonly Fault[]): Iterable<Buffer> {
  let text = array;
  for (const { kind } of faults) {
    if (kind === 'unclosed') text = withTail(text, (tail) => tail.slice(0, tail.lastIndexOf(']')));
    if (kind === 'half') text = withTail(text, (tail) => tail.slice(0, -200));
    if (kind === 'half-closed') text = withTail(text, (tail) => `${tail.slice(0, -200)}]`);
    if (kind === 'garbage') text = withGarbage(text);
  }
  return text;
}

/** Changes the last bytes, as latin1 text, and passes the others on. */
function* withTail(array: Iterable<Buffer>, change: (tail: string) => string): Generator<Buffer> {
  let held = Buffer.alloc(0);
  for (const piece of array) {
    held = Buffer.concat([held, piece]);
    if (held.length > TAIL) {
      yield held.subarray(0, held.length - TAIL);
      held = held.subarray(held.length - TAIL);
    }
  }
  yield Buffer.from(change(held.toString('latin1')), 'latin1');
}

function* withGarbage(array: Iterable<Buffer>): Generator<Buffer> {
  let done = false;
  for (const piece of array) {
    const at: number = done ? -1 : piece.indexOf('},{"id":');
    if (at < 0) yield piece;
    else yield* [piece.subarray(0, at + 1), Buffer.from(' gateway time-out '), piece.subarray(at + 1)];
    done ||= at >= 0;
  }
}

/** The id members at the start of a record, as text. */
function idsOf([first]: readonly Asked[]): string {
  return `"id":1,"policyId":${first?.policyId ?? 1},"hostId":${first?.hostIds[0] ?? 1}`;
}

function smallRecords(asked: readonly Asked[]): Buffer {
  return Buffer.from(`{${idsOf(asked)},"controlId":1,"status":"Passed"},`.repeat(1000));
}

/** A body that continues as long as the connection lives. */
export function* endlessBody(kind: string, asked: readonly Asked[]): Generator<Buffer> {
  yield Buffer.from(kind === 'string' ? `[{${idsOf(asked)},"evidence":"` : '[');
  const piece =
    kind === 'records' ? smallRecords(asked) : Buffer.alloc(65_536, kind === 'spaces' ? ' ' : '0');
  for (;;) yield piece;
}

/**
 * A valid array of about this many bytes that compresses to almost nothing: one string of zeros, or small records.
 */
export function* largeBody(kind: string, bytes: number, asked: readonly Asked[]): Generator<Buffer> {
  const piece = kind === 'records' ? smallRecords(asked) : Buffer.alloc(1024 * 1024, '0');
  yield Buffer.from(kind === 'records' ? '[' : `[{${idsOf(asked)},"evidence":"`);
  for (let left = bytes; left > 0; left -= piece.length) yield piece;
  yield Buffer.from(kind === 'records' ? `{${idsOf(asked)}}]` : '"}]');
}
