import type { CsvColumn } from './columns.ts';
import { JsonScan, skipSpace } from './json-scan.ts';

/** A member of an object: its name, and where it lies. */
interface Piece {
  name: string;
  start: number;
  valueStart: number;
  end: number;
}

const quote = 0x22;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const scan = new JsonScan(comma);

/**
 * The JSON of a column's value exactly as it was sent: names in their order, numbers, escapes and spaces as they were.
 *
 * Takes   line  the record's text
 * Yields  undefined where the record has no such value, or is nested deeper than the scan goes
 */
export function rawOf(column: CsvColumn, line: string): string | undefined {
  const bytes = Buffer.from(`${line}\n`);
  const literal = column.dotted ? valueAt(bytes, skipSpace(bytes, 0), [column.name]) : undefined;
  const value = literal ?? valueAt(bytes, skipSpace(bytes, 0), column.path);
  if (value === undefined) return undefined;
  const { without } = column;
  if (!without || bytes[value.valueStart] !== openBrace) {
    return bytes.toString('utf8', value.valueStart, value.end);
  }
  const kept = pieces(bytes, value.valueStart)?.filter(({ name }) => !without.includes(name));
  return kept && rawObject(bytes, kept);
}

/** The object that has these members. */
export function rawObject(bytes: Buffer, members: readonly { start: number; end: number }[]): string {
  return `{${members.map(({ start, end }) => bytes.toString('utf8', start, end)).join(',')}}`;
}

function valueAt(bytes: Buffer, at: number, path: readonly string[]): Piece | undefined {
  let found: Piece | undefined;
  for (const name of path) {
    // Of members of one name the last counts, as for JSON.parse.
    found = pieces(bytes, found?.valueStart ?? at)?.findLast((piece) => piece.name === name);
    if (found === undefined) return undefined;
  }
  return found;
}

/** The members of the object that begins at `at`; undefined where there is none. */
function pieces(bytes: Buffer, start: number): Piece[] | undefined {
  if (bytes[start] !== openBrace) return undefined;
  const found: Piece[] = [];
  let at = start;
  do {
    at = skipSpace(bytes, at + 1);
    if (bytes[at] === closeBrace) return found;
    const nameEnd = bytes[at] === quote ? scan.string(bytes, at) : -1;
    if (nameEnd < 0) return undefined;
    const valueStart = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1);
    const end = scan.value(bytes, valueStart);
    if (end < 0) return undefined;
    found.push({ name: JSON.parse(bytes.toString('utf8', at, nameEnd)), start: at, valueStart, end });
    at = skipSpace(bytes, end);
  } while (bytes[at] === comma);
  return found;
}
