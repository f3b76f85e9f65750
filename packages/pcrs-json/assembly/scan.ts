// The scanner: reads JSON once, proves it, and records where the values of known names are. AssemblyScript, built by
// scripts/build-scan.ts into src/scan-module.ts.
//
// A plain recursive descent, byte by byte between tokens and 16 bytes at a time inside strings, which are most of the
// text. Nothing here reads past a line feed: no string may hold one, and between tokens it is not skipped. So a
// broken line never affects its neighbour, and the line feed that closes the text is the only bound needed.
//
// Places are addresses here; stored places are relative to the start of the text. A value's end and form share a
// word: end << 4 | form.

const TAB: u32 = 0x09;
const LINE_FEED: u32 = 0x0a;
const CARRIAGE_RETURN: u32 = 0x0d;
const BLANK: u32 = 0x20;
const QUOTE: u32 = 0x22;
const PLUS: u32 = 0x2b;
const COMMA: u32 = 0x2c;
const MINUS: u32 = 0x2d;
const POINT: u32 = 0x2e;
const ZERO: u32 = 0x30;
const COLON: u32 = 0x3a;
const OPEN_ARRAY: u32 = 0x5b;
const BACKSLASH: u32 = 0x5c;
const CLOSE_ARRAY: u32 = 0x5d;
const OPEN_OBJECT: u32 = 0x7b;
const CLOSE_OBJECT: u32 = 0x7d;
const LOWER: u32 = 0x20;

// forms; see src/places.ts
const NULL: u32 = 1;
const FALSE: u32 = 2;
const TRUE: u32 = 3;
const INTEGER: u32 = 4;
const NUMBER: u32 = 5;
const NESTED: u32 = 6;
const STRING: u32 = 8;
/** For strings and nested values. */
const WIDE: u32 = 1;
const ESCAPED: u32 = 2;

// verdicts; see src/places.ts
const PLAIN: u32 = 0;
const BLANK_LINE: u32 = 1;
const NOT_OBJECT: u32 = 2;
const NOT_JSON: u32 = 3;
const ESCAPED_NAME: u32 = 5;
const DOUBLED_NAME: u32 = 6;
const TOO_MANY: u32 = 7;
const TOO_DEEP: u32 = 8;

const DEEPEST: u32 = 60;
const MOST_EXTRAS: u32 = 256;
/** Any number of this many digits fits a double. */
const SAFE_DIGITS: u32 = 15;

const HEADER_BYTES: u32 = 24;
const EXTRA_BYTES: u32 = 16;

// --- names ---------------------------------------------------------------------------------------------------------
//
// A table of the known names, open-addressed. An entry, 48 bytes:
//   0 first eight bytes   8 last eight bytes   16 mask of the first   24 address of the name
//   28 length + 1 (0: no entry)   32 context   36 slot   40 the entry whose name followed this one last time
// A name's context is the object it belongs to: 0 for the record itself, s + 1 for the object in slot s.
//
// Records of a kind are alike, so the name that followed last time is tried first: it is compared with the text as it
// is, closing quote included, and needs no hash. Any other name is looked up; the order of members costs time, never
// correctness.

const ENTRIES: u32 = 2048;
const ENTRY_BYTES: u32 = 48;
const MOST_SLOTS: u32 = 1024;
const NAME_BYTES: u32 = 64 << 10;
const NOWHERE: u32 = 0xffff;
const KINDS: u32 = 0xfffe;
/** Offset in an entry. */
const NEXT: u32 = 40;
const NOT_FOUND: u32 = 0xffffffff;

const table: u32 = memory.data(ENTRIES * ENTRY_BYTES, 16);
/** By slot: whether its object has known names. */
const hasNames: u32 = memory.data(MOST_SLOTS, 16);
/** By context: the entry whose name came first last time. */
const firstEntries: u32 = memory.data((MOST_SLOTS + 1) * 4, 16);
/** Hashes of the extras of the current line. */
const extraHashes: u32 = memory.data(MOST_EXTRAS * 8, 16);
/** The bytes of names, kept. */
const nameBytes: u32 = memory.data(NAME_BYTES, 16);

let usedNameBytes: u32 = 0;
let slots: u32 = 0;
let kindSlot: u32 = 0;

// --- the current line ----------------------------------------------------------------------------------------------

let base: u32 = 0;
let row: u32 = 0;
let verdict: u32 = 0;
/** Set if something is not ASCII: in the current nested value, and in the text. */
let wide: u32 = 0;
let anyWide: u32 = 0;
let firstExtra: u32 = 0;
let extra: u32 = 0;

let consumed: u32 = 0;

/** The end of this module's own memory: from here on memory is JavaScript's. */
export function free(): u32 {
  return __heap_base;
}

/** Hash of a name from its first and last eight bytes, which are all of a name of up to sixteen. */
@inline
function firstMask(length: u32): u64 {
  return length >= 8 ? u64.MAX_VALUE : (<u64>1 << (<u64>length << 3)) - 1;
}

@inline
function lastBytes(start: u32, length: u32): u64 {
  return length > 8 ? load<u64>(start + length - 8) : 0;
}

@inline
function hashOf(first: u64, last: u64, length: u32, context: u32): u64 {
  const mixed =
    (first * 0x9e3779b97f4a7c15) ^ (last * 0xc2b2ae3d27d4eb4f) ^ ((<u64>length << 48) + <u64>context * 0x165667b19e3779f9);
  return mixed ^ (mixed >> 29);
}

/** Compares the middle of two names of more than sixteen bytes. */
function sameMiddle(one: u32, other: u32, length: u32): bool {
  for (let at: u32 = 8; at < length - 8; at += 8) if (load<u64>(one + at) !== load<u64>(other + at)) return false;
  return true;
}

/** The length of an entry's name if it stands at `start`, closed by a quote; otherwise NOT_FOUND. */
@inline
function lengthIfAt(entry: u32, start: u32): u32 {
  if ((load<u64>(start) & load<u64>(entry, 16)) !== load<u64>(entry)) return NOT_FOUND;
  const length = load<u32>(entry, 28) - 1;
  if (load<u8>(start + length) !== QUOTE) return NOT_FOUND;
  if (length > 8 && load<u64>(start + length - 8) !== load<u64>(entry, 8)) return NOT_FOUND;
  if (length > 16 && !sameMiddle(start, load<u32>(entry, 24), length)) return NOT_FOUND;
  return length;
}

/** The entry of a name, 0 if there is none. */
function find(start: u32, length: u32, context: u32, first: u64, last: u64, hash: u64): u32 {
  let index = <u32>hash & (ENTRIES - 1);
  while (true) {
    const entry = table + index * ENTRY_BYTES;
    const found = load<u32>(entry, 28);
    if (found === 0) return 0;
    if (
      load<u64>(entry) === first &&
      load<u64>(entry, 8) === last &&
      found === length + 1 &&
      load<u32>(entry, 32) === context &&
      (length <= 16 || sameMiddle(start, load<u32>(entry, 24), length))
    )
      return entry;
    index = (index + 1) & (ENTRIES - 1);
  }
}

/** A place for a name's bytes; 0 if there is no room. The scanner reads names in words of eight bytes. */
export function nameRoom(length: u32): u32 {
  return length + 8 > NAME_BYTES - usedNameBytes ? 0 : nameBytes + usedNameBytes;
}

/**
 * Adds a name whose bytes are in their place. The caller keeps slots below MOST_SLOTS, and rejects characters that no
 * string shows literally: quotes, backslashes, control characters.
 */
export function addName(length: u32, context: u32, slot: u32): u32 {
  const start = nameBytes + usedNameBytes;
  usedNameBytes += length;
  const first = load<u64>(start) & firstMask(length);
  const last = lastBytes(start, length);
  let index = <u32>hashOf(first, last, length, context) & (ENTRIES - 1);
  while (load<u32>(table + index * ENTRY_BYTES, 28) !== 0) index = (index + 1) & (ENTRIES - 1);
  const entry = table + index * ENTRY_BYTES;
  store<u64>(entry, first);
  store<u64>(entry, last, 8);
  store<u64>(entry, firstMask(length), 16);
  store<u32>(entry, start, 24);
  store<u32>(entry, length + 1, 28);
  store<u32>(entry, context, 32);
  store<u32>(entry, slot, 36);
  if (context !== KINDS) {
    if (context > 0) store<u8>(hasNames + context - 1, 1);
    slots = max(slots, slot + 1);
  }
  return entry;
}

export function setKindSlot(slot: u32): void {
  kindSlot = slot;
}

// --- tokens ------------------------------------------------------------------------------------------------------------

@inline
function fail(reason: u32): u32 {
  verdict = reason;
  return 0;
}

/** The first place from `at` on that is not white space; a line feed does not count as such. */
@inline
function skipWhite(at: u32): u32 {
  return load<u8>(at) > BLANK ? at : whiteEnd(at);
}

function whiteEnd(start: u32): u32 {
  let at = start;
  let byte = <u32>load<u8>(at);
  while (byte === BLANK || byte === TAB || byte === CARRIAGE_RETURN) {
    byte = load<u8>(++at);
  }
  return at;
}

@inline
function isDigit(byte: u32): bool {
  return byte - ZERO < 10;
}

function isHex(byte: u32): bool {
  return isDigit(byte) || (byte | LOWER) - 0x61 < 6;
}

/** The place after the escape that begins at `at`; 0 if it is invalid. */
function escapeEnd(at: u32): u32 {
  const byte = <u32>load<u8>(at, 1);
  switch (byte) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 2;
    case 0x75: // u
      for (let digit: u32 = 2; digit < 6; digit++) if (!isHex(load<u8>(at + digit))) return fail(NOT_JSON);
      return at + 6;
    default:
      return fail(NOT_JSON);
  }
}

/** A string from after its opening quote: the place of its closing quote, and its form; 0 if it is invalid. */
function stringEnd(start: u32): u32 {
  const quotes = i8x16.splat(<i8>QUOTE);
  const backslashes = i8x16.splat(<i8>BACKSLASH);
  const blanks = i8x16.splat(<i8>BLANK);
  let at = start;
  let form = STRING;
  while (true) {
    const bytes = v128.load(at);
    const marks = v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes));
    // signed: bytes from 0x80 on are below a blank too, so one comparison finds both while all is ASCII
    const low = form & WIDE ? i8x16.lt_u(bytes, blanks) : i8x16.lt_s(bytes, blanks);
    const stops = i8x16.bitmask(v128.or(marks, low));
    if (stops === 0) {
      at += 16;
      continue;
    }
    at += ctz(stops);
    const byte = <u32>load<u8>(at);
    if (byte === QUOTE) return (at << 4) | form;
    if (byte === BACKSLASH) {
      at = escapeEnd(at);
      if (at === 0) return 0;
      form |= ESCAPED;
    } else if (byte >= 0x80) {
      form |= WIDE;
      wide = 1;
    } else return fail(NOT_JSON);
  }
}

/** The place after the digits that begin at `at`; 0 if there are none. */
@inline
function digitsEnd(at: u32): u32 {
  const start = at;
  while (isDigit(load<u8>(at))) at++;
  return at === start ? fail(NOT_JSON) : at;
}

/** A number's end and form; 0 if it is invalid. */
function numberEnd(start: u32): u32 {
  let at = start;
  const negative = load<u8>(at) === MINUS;
  if (negative) at++;
  const first = at;
  const zero = load<u8>(at) === ZERO;
  at = zero ? at + 1 : digitsEnd(at);
  if (at === 0) return 0;
  let form = at - first > SAFE_DIGITS || (negative && zero) ? NUMBER : INTEGER;
  if (load<u8>(at) === POINT) {
    form = NUMBER;
    at = digitsEnd(at + 1);
    if (at === 0) return 0;
  }
  if ((load<u8>(at) | LOWER) === 0x65) {
    form = NUMBER;
    at++;
    const sign = <u32>load<u8>(at);
    at = digitsEnd(sign === PLUS || sign === MINUS ? at + 1 : at);
    if (at === 0) return 0;
  }
  return (at << 4) | form;
}

/** A value's end and form; 0 if it is invalid. A string's end is the place of its closing quote. */
function valueEnd(at: u32, context: u32, depth: u32): u32 {
  const byte = <u32>load<u8>(at);
  if (byte === QUOTE) return stringEnd(at + 1);
  if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return nestedEnd(at, context, depth);
  if (isDigit(byte) || byte === MINUS) return numberEnd(at);
  const word = load<u32>(at);
  if (word === 0x6c6c756e) return ((at + 4) << 4) | NULL;
  if (word === 0x65757274) return ((at + 4) << 4) | TRUE;
  if (word === 0x736c6166 && load<u8>(at, 4) === 0x65) return ((at + 5) << 4) | FALSE;
  return fail(NOT_JSON);
}

/** The place after a value. */
@inline
function behind(end: u32): u32 {
  return (end >> 4) + ((end >> 3) & 1);
}

function nestedEnd(at: u32, context: u32, depth: u32): u32 {
  if (depth === DEEPEST) return fail(TOO_DEEP);
  const wideAround = wide;
  wide = 0;
  const end = load<u8>(at) === OPEN_OBJECT ? objectEnd(at + 1, context, depth + 1) : arrayEnd(at + 1, depth + 1);
  if (end === 0) return 0;
  const form = NESTED | wide;
  wide |= wideAround;
  return (end << 4) | form;
}

/** The place after an array, from after its opening bracket. */
function arrayEnd(start: u32, depth: u32): u32 {
  let at = skipWhite(start);
  if (load<u8>(at) === CLOSE_ARRAY) return at + 1;
  while (true) {
    const end = valueEnd(at, NOWHERE, depth);
    if (end === 0) return 0;
    at = skipWhite(behind(end));
    const byte = <u32>load<u8>(at);
    if (byte === CLOSE_ARRAY) return at + 1;
    if (byte !== COMMA) return fail(NOT_JSON);
    at = skipWhite(at + 1);
  }
}

/** The place after an object, from after its opening brace; records members that have a slot, or are extras. */
function objectEnd(start: u32, context: u32, depth: u32): u32 {
  /** Address of the entry that came next last time. */
  let before = firstEntries + (context << 2);
  let at = skipWhite(start);
  if (load<u8>(at) === CLOSE_OBJECT) return at + 1;
  while (true) {
    if (load<u8>(at) !== QUOTE) return fail(NOT_JSON);
    const nameStart = at + 1;
    let nameEnd: u32;
    let place: u32 = 0;
    let names = NOWHERE;
    if (context === NOWHERE) {
      nameEnd = stringEnd(nameStart) >> 4;
      if (nameEnd === 0) return 0;
    } else {
      let entry = load<u32>(before);
      const length = entry === 0 ? NOT_FOUND : lengthIfAt(entry, nameStart);
      if (length !== NOT_FOUND) {
        nameEnd = nameStart + length;
      } else {
        const name = stringEnd(nameStart);
        if (name === 0) return 0;
        if (name & ESCAPED) return fail(ESCAPED_NAME);
        nameEnd = name >> 4;
        const length = nameEnd - nameStart;
        const first = load<u64>(nameStart) & firstMask(length);
        const last = lastBytes(nameStart, length);
        const hash = hashOf(first, last, length, context);
        entry = find(nameStart, length, context, first, last, hash);
        if (entry !== 0) {
          // if the name is not ASCII, stringEnd must report it
          if ((name & WIDE) === 0) store<u32>(before, entry);
        } else if (context === 0) {
          place = addExtra(nameStart, nameEnd, hash);
          if (place === 0) return 0;
        }
      }
      if (entry !== 0) {
        before = entry + NEXT;
        const slot = load<u32>(entry, 36);
        place = row + HEADER_BYTES + (slot << 3);
        if (load<u32>(place, 4) !== 0) return fail(DOUBLED_NAME);
        if (load<u8>(hasNames + slot)) names = slot + 1;
      }
    }
    at = skipWhite(nameEnd + 1);
    if (load<u8>(at) !== COLON) return fail(NOT_JSON);
    at = skipWhite(at + 1);

    const end = load<u8>(at) === QUOTE ? stringEnd(at + 1) : valueEnd(at, names, depth);
    if (end === 0) return 0;
    if (place !== 0) {
      store<u32>(place, at - base + ((end >> 3) & 1));
      store<u32>(place, end - (base << 4), 4);
    }
    at = skipWhite(behind(end));
    const byte = <u32>load<u8>(at);
    if (byte === CLOSE_OBJECT) return at + 1;
    if (byte !== COMMA) return fail(NOT_JSON);
    at = skipWhite(at + 1);
  }
}

/** Address for the place of an extra's value; 0 if the line has too many, or already one of this name. */
function addExtra(nameStart: u32, nameEnd: u32, hash: u64): u32 {
  const count = (extra - firstExtra) / EXTRA_BYTES;
  if (count === MOST_EXTRAS) return fail(TOO_MANY);
  for (let other: u32 = 0; other < count; other++)
    if (load<u64>(extraHashes + (other << 3)) === hash && isNamed(firstExtra + other * EXTRA_BYTES, nameStart, nameEnd))
      return fail(DOUBLED_NAME);
  store<u64>(extraHashes + (count << 3), hash);
  store<u32>(extra, nameStart - base);
  store<u32>(extra, nameEnd - base, 4);
  extra += EXTRA_BYTES;
  return extra - 8;
}

function isNamed(other: u32, nameStart: u32, nameEnd: u32): bool {
  const start = base + load<u32>(other);
  if (base + load<u32>(other, 4) - start !== nameEnd - nameStart) return false;
  for (let at = nameStart; at < nameEnd; at++)
    if (load<u8>(at) !== load<u8>(start + at - nameStart)) return false;
  return true;
}

// --- lines -------------------------------------------------------------------------------------------------------------

function lineFeed(start: u32): u32 {
  const feeds = i8x16.splat(<i8>LINE_FEED);
  let at = start;
  while (true) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), feeds));
    if (found !== 0) return at + ctz(found);
    at += 16;
  }
}

/** The end of the line that begins at `start`; sets the verdict. */
function scanLine(start: u32): u32 {
  verdict = PLAIN;
  let at = skipWhite(start);
  const byte = <u32>load<u8>(at);
  if (byte === OPEN_OBJECT) {
    at = objectEnd(at + 1, 0, 1);
    if (at !== 0) {
      at = skipWhite(at);
      if (load<u8>(at) === LINE_FEED) return at;
      verdict = NOT_JSON;
    }
  } else verdict = byte === LINE_FEED ? BLANK_LINE : NOT_OBJECT;
  return lineFeed(start);
}

/** 1 + the kind of the row's line; 0 if it has no known kind. */
@inline
function kindOfRow(): u32 {
  const place = row + HEADER_BYTES + (kindSlot << 3);
  const end = load<u32>(place, 4);
  if ((end & 15) !== STRING) return 0;
  const start: u32 = base + load<u32>(place);
  const length: u32 = base + (end >> 4) - start;
  const first = load<u64>(start) & firstMask(length);
  const last = lastBytes(start, length);
  const entry = find(start, length, KINDS, first, last, hashOf(first, last, length, KINDS));
  return entry === 0 ? 0 : load<u32>(entry, 36) + 1;
}

/**
 * Scans the lines from `text` on, as many as there is room for: rows and extras as in src/places.ts. The text ends in
 * a line feed, and 64 bytes after it are readable.
 */
export function scanLines(text: u32, end: u32, rows: u32, rowsEnd: u32, extras: u32, extrasEnd: u32): u32 {
  const rowBytes = HEADER_BYTES + (slots << 3);
  const mostExtras: u32 = MOST_EXTRAS * EXTRA_BYTES;
  let count: u32 = 0;
  let at = text;
  base = text;
  row = rows;
  extra = extras;
  anyWide = 0;
  while (at < end && row + rowBytes <= rowsEnd && extra + mostExtras <= extrasEnd) {
    memory.fill(row, 0, rowBytes);
    firstExtra = extra;
    wide = 0;
    const lineEnd = scanLine(at);
    store<u32>(row, at - text);
    const bare = lineEnd > at && load<u8>(lineEnd - 1) === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd;
    store<u32>(row, bare - text, 4);
    store<u32>(row, verdict, 8);
    if (verdict === PLAIN) {
      store<u32>(row, kindOfRow(), 12);
      store<u32>(row, (firstExtra - extras) >> 2, 16);
      store<u32>(row, (extra - firstExtra) / EXTRA_BYTES, 20);
      anyWide |= wide;
    } else extra = firstExtra;
    at = lineEnd + 1;
    row += rowBytes;
    count++;
  }
  consumed = at;
  return count;
}

/** After a scan: the place after the last line. */
export function scanEnd(): u32 {
  return consumed;
}

/** After a scan: whether a plain line has a byte that is not ASCII. */
export function scanWide(): u32 {
  return anyWide;
}

/** After a scan: bytes of extras. */
export function extrasEnd(): u32 {
  return extra;
}

// --- elements ------------------------------------------------------------------------------------------------------
//
// An element only needs proof that strings and brackets close and match: 64 bytes at a time become masks, one bit per
// byte, and only brackets outside strings, and strings that start like one of three names, are looked at.

/** The slots of the members of interest in an element; see src/elements/element-scan.ts. */
const KIND_SLOT: u32 = 0;
const POLICY_ID_SLOT: u32 = 1;
const HOST_ID_SLOT: u32 = 2;
const ELEMENT_SLOTS: u32 = 3;
/** "policyId" with each letter as an escape of six characters. */
const LONGEST_NAME: u32 = 48;

/** Masks of the current block: outside strings, a byte that ends plain elements; anywhere, a control character. */
let quotes: u64 = 0;
let brackets: u64 = 0;
/** First letters of the names, and backslashes. */
let initials: u64 = 0;
let backslashes: u64 = 0;
let controls: u64 = 0;
let highs: u64 = 0;

function isBetween(byte: u32): bool {
  return byte === COMMA || byte === BLANK || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN;
}

@inline
function maskOf(a: v128, b: v128, c: v128, d: v128): u64 {
  const low = <u32>i8x16.bitmask(a) | (<u32>i8x16.bitmask(b) << 16);
  const high = <u32>i8x16.bitmask(c) | (<u32>i8x16.bitmask(d) << 16);
  return <u64>low | (<u64>high << 32);
}

@inline
function equal(bytes: v128, byte: u32): v128 {
  return i8x16.eq(bytes, i8x16.splat(<i8>byte));
}

/** { } [ ] */
@inline
function bracketsOf(bytes: v128): v128 {
  const lower = v128.or(bytes, i8x16.splat(<i8>LOWER));
  return v128.or(equal(lower, OPEN_OBJECT), equal(lower, CLOSE_OBJECT));
}

@inline
function initialsOf(bytes: v128): v128 {
  return v128.or(v128.or(equal(bytes, 0x6b), equal(bytes, 0x70)), v128.or(equal(bytes, 0x68), equal(bytes, BACKSLASH)));
}

/** A backslash, a control character or a byte beyond ASCII. */
@inline
function rareOf(bytes: v128): v128 {
  return v128.or(i8x16.lt_s(bytes, i8x16.splat(<i8>BLANK)), equal(bytes, BACKSLASH));
}

function readBlock(at: u32): void {
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const c = v128.load(at, 32);
  const d = v128.load(at, 48);
  quotes = maskOf(equal(a, QUOTE), equal(b, QUOTE), equal(c, QUOTE), equal(d, QUOTE));
  brackets = maskOf(bracketsOf(a), bracketsOf(b), bracketsOf(c), bracketsOf(d));
  initials = maskOf(initialsOf(a), initialsOf(b), initialsOf(c), initialsOf(d));
  backslashes = controls = highs = 0;
  if (v128.any_true(v128.or(v128.or(rareOf(a), rareOf(b)), v128.or(rareOf(c), rareOf(d))))) {
    const blanks = i8x16.splat(<i8>BLANK);
    backslashes = maskOf(equal(a, BACKSLASH), equal(b, BACKSLASH), equal(c, BACKSLASH), equal(d, BACKSLASH));
    controls = maskOf(i8x16.lt_u(a, blanks), i8x16.lt_u(b, blanks), i8x16.lt_u(c, blanks), i8x16.lt_u(d, blanks));
    highs = maskOf(a, b, c, d);
  }
}

/** For each bit: whether the number of set bits up to and including it is odd. */
@inline
function oddUpTo(bits: u64): u64 {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  return bits ^ (bits << 32);
}

/** The bytes after a backslash that is not itself escaped; `before`: 1 if the first byte is one. */
function escapedBy(slashes: u64, before: u64): u64 {
  let marked = before;
  for (let rest = slashes & ~before; rest !== 0; ) {
    const next = (<u64>2) << ctz(rest);
    marked |= next;
    rest &= ~next & ~(next - 1);
  }
  return marked;
}

/** The slot of the name that begins at `at`, after its quote; NOT_FOUND for any other. */
function elementSlot(at: u32): u32 {
  const first = load<u64>(at);
  if ((first & 0xff_ffff_ffff) === 0x22_646e_696b) return KIND_SLOT;
  if (first === 0x6449_7963_696c_6f70 && load<u8>(at, 8) === QUOTE) return POLICY_ID_SLOT;
  return (first & 0xff_ffff_ffff_ffff) === 0x22_6449_7473_6f68 ? HOST_ID_SLOT : NOT_FOUND;
}

/** Whether the part of a string from `at` on that an escaped name could take holds a backslash. */
function mayBeEscaped(at: u32): bool {
  for (let end = at + LONGEST_NAME; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte === QUOTE || byte === 0) return false;
    if (byte === BACKSLASH) return true;
  }
  return false;
}

/**
 * Records the place of a member if its name begins at `at`, after a quote; false if it is escaped, doubled or not
 * digits.
 */
function noteMember(at: u32): bool {
  const slot = elementSlot(at);
  if (slot === NOT_FOUND) return !mayBeEscaped(at);
  const colon = skipWhite(at + (slot === KIND_SLOT ? 5 : slot === HOST_ID_SLOT ? 7 : 9));
  if (load<u8>(colon) !== COLON) return true;
  const place = row + HEADER_BYTES + (slot << 3);
  if (load<u32>(place, 4) !== 0) return false;
  let value = skipWhite(colon + 1);
  const quoted = load<u8>(value) === QUOTE;
  if (quoted) value++;
  let end = value;
  if (slot !== KIND_SLOT) {
    while (isDigit(load<u8>(end))) end++;
    const next = <u32>load<u8>(end);
    const closed = quoted ? next === QUOTE : next === COMMA || next === CLOSE_OBJECT || next === BLANK;
    if (end === value || !closed) return false;
  }
  store<u32>(place, value - base);
  store<u32>(place, ((end - base) << 4) | (quoted ? STRING : NUMBER), 4);
  return true;
}

/** The place after an element that begins at `start` with its {; 0 if it is not a line as it is. */
function elementEnd(start: u32): u32 {
  let open: u64 = 1;
  let depth: u32 = 0;
  let inString: u64 = 0;
  let escapes: u64 = 0;
  let quoteBefore: u64 = 0;
  let at = start;
  while (true) {
    readBlock(at);
    let escapedBytes = escapes;
    if ((backslashes | escapes) !== 0) {
      escapedBytes = escapedBy(backslashes, escapes);
      const last = backslashes >> 63;
      escapes = last & ~(escapedBytes >> 63);
      quotes &= ~escapedBytes;
    }
    const strings = oddUpTo(quotes) ^ inString;
    inString = <u64>(<i64>strings >> 63);
    const opening = quotes & strings;
    const strange = controls | ((highs | backslashes) & ~strings);
    const sure: u64 = strange === 0 ? u64.MAX_VALUE : (strange & (~strange + 1)) - 1;
    let events = ((brackets & ~strings) | (initials & ((opening << 1) | quoteBefore))) & sure;
    quoteBefore = opening >> 63;
    while (events !== 0) {
      const place = at + <u32>ctz(events);
      events &= events - 1;
      const byte = <u32>load<u8>(place);
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (depth === DEEPEST) return 0;
        depth++;
        open = (open << 1) | <u64>(byte === OPEN_OBJECT);
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if ((open & 1) !== <u64>(byte === CLOSE_OBJECT)) return 0;
        open >>= 1;
        depth--;
        if (depth === 0) return place + 1;
      } else if (depth === 1 && !noteMember(place)) return 0;
    }
    if (strange !== 0) return 0;
    at += 64;
  }
}

/**
 * Scans elements of an array, from between two of them, while they are objects that are lines as they are: strings
 * and brackets close, no line breaks between tokens, none of the names above escaped or doubled. One row each, as for
 * lines, with the places of digits (of `kind` only whether it is there), without kind and extras. The text ends in a
 * zero byte, and 64 bytes after it are readable.
 */
export function scanElements(text: u32, start: u32, rows: u32, rowsEnd: u32): u32 {
  const rowBytes = HEADER_BYTES + (ELEMENT_SLOTS << 3);
  let count: u32 = 0;
  let at = start;
  base = text;
  row = rows;
  while (row + rowBytes <= rowsEnd) {
    while (isBetween(load<u8>(at))) at++;
    if (load<u8>(at) !== OPEN_OBJECT || load<u8>(skipWhite(at + 1)) !== QUOTE) break;
    memory.fill(row, 0, rowBytes);
    const end = elementEnd(at);
    if (end === 0) break;
    store<u32>(row, at - text);
    store<u32>(row, end - text, 4);
    at = end;
    row += rowBytes;
    count++;
  }
  consumed = at;
  return count;
}

// --- events --------------------------------------------------------------------------------------------------------
//
// Events that a splitter of arrays must look at, in any text:
//   a bracket { } [ ] outside strings
//   a byte below 0x20 anywhere: a line break or a tab between tokens, or a raw control character in a string
//   a byte above 0x7f or a backslash outside strings, where JSON has none
//   the opening quote of a string that ends the text, or starts with a backslash or the first letter of a name of
//   interest: kind, policyId, hostId

let cursor: u32 = 0;
let limit: u32 = 0;
let inString: bool = false;
let escaped: bool = false;

/** Starts on a text from `start` to `end`; it may begin inside a string, and there after a backslash. */
export function beginEvents(start: u32, end: u32, startsInString: bool, startsEscaped: bool): void {
  cursor = start;
  limit = end;
  inString = startsInString;
  escaped = startsEscaped;
}

export function endsInString(): bool {
  return inString;
}

export function endsEscaped(): bool {
  return escaped;
}

/** Twice the place of the next event, plus one if it is in a string; -1 if there is none left. */
export function nextEvent(): i32 {
  while (cursor < limit) {
    const at = cursor++;
    const byte = <u32>load<u8>(at);
    if (inString) {
      const wasEscaped = escaped;
      escaped = false;
      if (byte < BLANK) return (at << 1) | 1;
      if (wasEscaped) continue;
      if (byte === QUOTE) inString = false;
      else if (byte === BACKSLASH) escaped = true;
      else cursor = min(quietEnd(at), limit);
    } else if (byte === QUOTE) {
      inString = true;
      const next = <u32>load<u8>(cursor);
      if (cursor === limit || next === 0x6b || next === 0x70 || next === 0x68 || next === BACKSLASH) return (at << 1) | 1;
    } else if (byte < BLANK || byte > 0x7f || byte === BACKSLASH || (byte | LOWER) === OPEN_OBJECT || (byte | LOWER) === CLOSE_OBJECT)
      return at << 1;
  }
  return -1;
}

/** The first quote, backslash or byte below 0x20, from `start` on. */
function quietEnd(start: u32): u32 {
  const quotes = i8x16.splat(<i8>QUOTE);
  const backslashes = i8x16.splat(<i8>BACKSLASH);
  const blanks = i8x16.splat(<i8>BLANK);
  let at = start;
  while (true) {
    const bytes = v128.load(at);
    const marks = v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes));
    const stops = i8x16.bitmask(v128.or(marks, i8x16.lt_u(bytes, blanks)));
    if (stops !== 0) return at + ctz(stops);
    at += 16;
  }
}
