/**
 * Where things lie in a line of JSON, without building them: a sink stores most members as their own text.
 * Texts may be byte texts: what is looked for is ASCII. What is found here is cut right if the line is JSON; that it is, is proven where a text becomes a value.
 */
const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The first place from `at` on that is no JSON white space. */
export function skipSpace(text: string, at: number): number {
  let place = at;
  for (; ; place += 1) {
    const code = text.charCodeAt(place);
    if (code !== space && code !== 0x09 && code !== 0x0d && code !== 0x0a) return place;
  }
}

/** The place after the string that opens at `at`; -1 where it does not close. */
export function stringEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end > 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return -1;
}

/** The place after the value that begins at `at`; -1 where none does. */
export function valueEnd(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return stringEnd(text, at);
  if (first === openBrace || first === openBracket) return nestedEnd(text, at);
  if (text.startsWith('null', at) || text.startsWith('true', at)) return at + 4;
  if (text.startsWith('false', at)) return at + 5;
  numberToken.lastIndex = at;
  return numberToken.test(text) ? numberToken.lastIndex : -1;
}

function nestedEnd(text: string, at: number): number {
  let depth = 0;
  for (let place = at; place < text.length; ) {
    const code = text.charCodeAt(place);
    if (code === quote) {
      place = stringEnd(text, place);
      if (place < 0) return -1;
      continue;
    }
    if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) depth -= 1;
    place += 1;
    if (depth === 0) return place;
  }
  return -1;
}

/**
 * The elements of an array as places in the text.
 *
 * Takes   at  the place of the opening bracket
 * Yields  the start of each element; `next` must be told where it ended
 * Throws  SyntaxError where the text is no array of values
 */
export function arrayElements(text: string, at: number, element: (start: number) => number): number {
  let place = skipSpace(text, at + 1);
  if (text.charCodeAt(place) === closeBracket) return place + 1;
  for (;;) {
    place = skipSpace(text, element(place));
    const code = text.charCodeAt(place);
    if (code === closeBracket) return place + 1;
    if (code !== comma) throw new SyntaxError('a comma or the end of the array');
    place = skipSpace(text, place + 1);
  }
}

/** The place of the comma or brace that must follow a member whose value ends at `at`. */
export function afterValue(text: string, at: number): number {
  const place = skipSpace(text, at);
  const code = text.charCodeAt(place);
  if (code !== comma && code !== closeBrace) throw new SyntaxError('a comma or a closing brace');
  return place;
}
