/**
 * Layout of places and rows; assembly/scan.ts writes them.
 *
 *   a value     two words: start, and end << 4 | form; of a string start and end lie inside the quotes
 *   a row       line start, line end (without the line feed), verdict, kind, word of the first extra, extras; then one value per slot
 *   an extra    four words: start and end of its name, and its value; a member at top level whose name has no slot
 */

/** Words of a row before its first slot. */
export const headerWords = 6;

/** Words of an extra. */
export const extraWords = 4;

/**
 * A value's form: the low four bits of its second word. From `nested` on, the lowest bit is set if it is not all
 * ASCII.
 */
export const forms = {
  absent: 0,
  null: 1,
  false: 2,
  true: 3,
  /** A number that a double keeps: an integer of at most 15 digits, and not -0. */
  integer: 4,
  /** Any other number. */
  number: 5,
  nested: 6,
  nestedWide: 7,
  /** The first form of a string. */
  string: 8,
  stringWide: 9,
  /** The first form of a string with escapes. */
  escaped: 10,
  escapedWide: 11,
} as const;

/** Verdict on a line. Only a `plain` line has more than start, end and verdict. */
export const verdicts = {
  /** An object, and JSON as in JSON.parse; no relevant name is escaped or repeated. */
  plain: 0,
  /** White space or nothing. */
  blank: 1,
  notObject: 2,
  notJson: 3,
  notUtf8: 4,
  /** A name with an escape, at top level or in an object on a registered path. */
  escapedName: 5,
  /** A repeated name, at top level or on a registered path. */
  doubledName: 6,
  /** More than 256 extras. */
  tooMany: 7,
  /** Nested more than 60 deep. */
  tooDeep: 8,
  /** Longer than the scanner takes. */
  tooLong: 9,
} as const;
