import { BrokenBodyError } from './broken-body.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * The top-level members of one JSON object, each value as its own bytes, without parsing the document.
 *
 * Takes   bytes    the whole document; a byte order mark and white space around it are valid
 * Yields  name (escapes resolved) → the value's bytes, a view; of a repeated name the last, as in JSON.parse
 * Throws  BrokenBodyError if it is not an object, its strings or brackets do not close, or something follows it
 */
export function objectMembers(bytes: Uint8Array): Map<string, Uint8Array> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members = new Map<string, Uint8Array>();
  let at = blanks(text, text.subarray(0, 3).toString() === BYTE_ORDER_MARK ? 3 : 0);
  expect(text, at, OPEN_OBJECT, 'a JSON object');
  at = blanks(text, at + 1);
  while (text[at] !== CLOSE_OBJECT) {
    expect(text, at, QUOTE, "a member's name");
    const nameEnd = stringEnd(text, at);
    const name = parsedName(text, at, nameEnd);
    at = blanks(text, nameEnd);
    expect(text, at, COLON, `a colon after "${name}"`);
    at = blanks(text, at + 1);
    const end = valueEnd(text, at);
    if (end === at) throw unexpected(text, at, `a value of "${name}"`);
    members.set(name, text.subarray(at, end));
    at = blanks(text, end);
    if (text[at] === CLOSE_OBJECT) break;
    expect(text, at, COMMA, 'a comma or }');
    at = blanks(text, at + 1);
    expect(text, at, QUOTE, "a member's name");
  }
  at = blanks(text, at + 1);
  if (at < text.length) throw unexpected(text, at, 'nothing after the object');
  return members;
}

function blanks(text: Buffer, start: number): number {
  let at = start;
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at++;
  return at;
}

/** The place after the string that begins at `start`. */
function stringEnd(text: Buffer, start: number): number {
  for (let quote = text.indexOf(QUOTE, start + 1); quote >= 0; quote = text.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  throw new BrokenBodyError('the text ends in a string', { byte: start });
}

/** The place after the value that begins at `start`: its brackets closed, or a bare word's end. */
function valueEnd(text: Buffer, start: number): number {
  const closers: number[] = [];
  for (let at = start; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === QUOTE) {
      at = stringEnd(text, at) - 1;
      if (closers.length === 0) return at + 1;
    } else if (byte === OPEN_OBJECT || byte === 0x5b) {
      closers.push(byte + 2);
    } else if (byte === CLOSE_OBJECT || byte === 0x5d) {
      if (closers.length === 0) return at;
      if (closers.pop() !== byte) throw unexpected(text, at, 'the bracket that was opened last to close');
      if (closers.length === 0) return at + 1;
    } else if (closers.length === 0 && (byte === COMMA || byte <= 0x20)) return at;
  }
  throw new BrokenBodyError('the text ends in a value', { byte: start });
}

function parsedName(text: Buffer, start: number, end: number): string {
  try {
    return JSON.parse(text.toString('utf8', start, end));
  } catch {
    throw unexpected(text, start, "a member's name");
  }
}

function expect(text: Buffer, at: number, byte: number, what: string): void {
  if (text[at] !== byte) throw unexpected(text, at, what);
}

function unexpected(text: Buffer, at: number, what: string): BrokenBodyError {
  const found = at < text.length ? JSON.stringify(text.toString('utf8', at, at + 20)) : 'the end';
  return new BrokenBodyError(`expected ${what}, found ${found}`, { byte: at });
}
