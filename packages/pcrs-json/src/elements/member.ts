const BACKSLASH = 0x5c;
const COLON = 0x3a;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

/** The members of interest in an element. */
type MemberName = 'kind' | 'policyId' | 'hostId';

const members = (['kind', 'policyId', 'hostId'] as const).map((name) => ({ name, bytes: Buffer.from(name) }));
/** Longest spelling of a name: "policyId" with each letter as an escape of six characters. */
const longestName = 48;
const kindBytes = 80;
/** Longest spelling of an id: each digit as an escape. */
const idBytes = 256;

/** A member and its value: for `kind` the JSON text (its first 80 bytes), for an id its digits or undefined. */
interface FoundMember {
  name: MemberName;
  value: string | undefined;
}

/**
 * Whether a string at an element's own level is the name of a member of interest, and its value.
 *
 * Takes   from   the place of the string's opening quote
 *         last   there are no more bytes
 * Yields  'no', or 'more' if more bytes are needed
 */
export function findMember(bytes: Buffer, from: number, last: boolean): FoundMember | 'no' | 'more' {
  const end = nameEnd(bytes, from);
  if (end === undefined) return bytes.length - from > longestName + 1 ? 'no' : 'more';
  const name = nameBetween(bytes, from + 1, end);
  if (name === undefined) return 'no';
  let at = end + 1;
  while (at < bytes.length && bytes[at]! <= 0x20) at++;
  if (at === bytes.length) return 'more';
  if (bytes[at] !== COLON) return 'no';
  at++;
  while (at < bytes.length && bytes[at]! <= 0x20) at++;
  const value = name === 'kind' ? kindAt(bytes, at, last) : digitsAt(bytes, at, last);
  return value === 'more' ? 'more' : { name, value };
}

function nameEnd(bytes: Buffer, from: number): number | undefined {
  const limit = Math.min(bytes.length, from + longestName + 2);
  for (let at = from + 1; at < limit; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return undefined;
}

function nameBetween(bytes: Buffer, start: number, end: number): MemberName | undefined {
  for (const { name, bytes: plain } of members) if (equals(bytes, start, end, plain)) return name;
  const spelled = bytes.toString('latin1', start, end);
  if (!spelled.includes('\\')) return undefined;
  const meant = unescaped(`"${spelled}"`);
  return members.find(({ name }) => name === meant)?.name;
}

function equals(bytes: Buffer, start: number, end: number, plain: Buffer): boolean {
  if (end - start !== plain.length) return false;
  for (let at = 0; at < plain.length; at++) if (bytes[start + at] !== plain[at]) return false;
  return true;
}

function kindAt(bytes: Buffer, at: number, last: boolean): string | 'more' {
  const text = bytes.toString('utf8', at, at + 2 * kindBytes);
  const whole = /^("(?:[^"\\]|\\.)*"|[^\s"[{,}\]]+(?=[\s,}\]]))/s.exec(text)?.[1];
  const value = (whole ?? text.trim()).slice(0, kindBytes);
  const enough =
    whole !== undefined || value.length === kindBytes || /^[{[]/.test(value) || (last && value !== '');
  return enough ? value : 'more';
}

/** The digits of a number or a string; undefined for any other value. */
function digitsAt(bytes: Buffer, at: number, last: boolean): string | undefined | 'more' {
  const quoted = bytes[at] === QUOTE;
  const start = quoted ? at + 1 : at;
  let end = start;
  while (end < bytes.length && bytes[end]! >= ZERO && bytes[end]! <= NINE) end++;
  if (end === bytes.length) return last || end - start > idBytes ? undefined : 'more';
  const next = bytes[end]!;
  const closed = quoted ? next === QUOTE : next <= 0x20 || next === 0x2c || next === 0x7d;
  if (closed) return end > start ? bytes.toString('latin1', start, end) : undefined;
  return quoted && next === BACKSLASH ? escapedDigits(bytes, at, last) : undefined;
}

function escapedDigits(bytes: Buffer, at: number, last: boolean): string | undefined | 'more' {
  const text = /^"(?:[^"\\]|\\.)*"/s.exec(bytes.toString('latin1', at, at + idBytes))?.[0];
  if (text === undefined) return last || bytes.length - at >= idBytes ? undefined : 'more';
  const value = unescaped(text);
  return value !== undefined && /^\d+$/.test(value) ? value : undefined;
}

function unescaped(text: string): string | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
