import { isUtf8 } from 'node:buffer';

const closing = Buffer.from('}\n');
const comma = 0x2c;
const space = 0x20;
const lineEnds = [0x0a, 0x0d];

/** Members of some records, one after another, in UTF-8. */
export interface JoinedMembers {
  /** Its memory is given back once the lines are made. */
  readonly members: Buffer;
  readonly lengths: readonly number[];
}

/** The members of a single record. */
export function oneRecord(text: string): JoinedMembers & { repaired: number } {
  const members = Buffer.from(text);
  return { members, lengths: [members.length], repaired: 0 };
}

/** Repairs records with bytes that are not UTF-8: these become U+FFFD. */
export function inUtf8(members: Buffer, lengths: readonly number[]): JoinedMembers & { repaired: number } {
  if (isUtf8(members)) return { members, lengths, repaired: 0 };
  let end = 0;
  let repaired = 0;
  const records = lengths.map((length) => {
    end += length;
    const record = members.subarray(end - length, end);
    if (isUtf8(record)) return record;
    repaired += 1;
    return Buffer.from(record.toString());
  });
  return { members: Buffer.concat(records), lengths: records.map(({ length }) => length), repaired };
}

/**
 * Records' lines, each of a beginning, members, and further members that are ready as bytes.
 *
 * Takes   texts  one per record
 *         into   memory to use, if it is enough
 */
export function joinedLines(
  begin: string,
  { members, lengths }: JoinedMembers,
  texts: readonly Buffer[],
  into?: ArrayBuffer,
): { lines: Buffer; count: number } {
  const beginning = Buffer.from(begin);
  const count = lengths.length;
  let size = members.length + count * (beginning.length + 1 + closing.length);
  for (const text of texts) size += text.length;
  const bytes = into !== undefined && into.byteLength >= size ? Buffer.from(into) : newBlock(size);
  keepOnLines(members);
  let [from, at] = [0, 0];
  for (let record = 0; record < count; record += 1) {
    bytes.set(beginning, at);
    at += beginning.length;
    const to = from + (lengths[record] as number);
    at += members.copy(bytes, at, from, to);
    from = to;
    bytes[at++] = comma;
    const text = texts[record] as Buffer;
    bytes.set(text, at);
    at += text.length;
    bytes.set(closing, at);
    at += closing.length;
  }
  free(members);
  return { lines: bytes.subarray(0, at), count };
}

/** The collector would let hundreds of megabytes wait. */
function free({ buffer, length }: Buffer): void {
  if (buffer.byteLength === length) (buffer as ArrayBuffer).transfer(0);
}

/** Somewhat larger than needed, so that it is enough for the next lines too. */
function newBlock(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size + Math.ceil(size / 4));
}

/** Foreign JSON may hold line breaks between its tokens; a record is one line. */
function keepOnLines(bytes: Buffer): void {
  for (const lineEnd of lineEnds) {
    for (let at = bytes.indexOf(lineEnd); at >= 0; at = bytes.indexOf(lineEnd, at + 1)) bytes[at] = space;
  }
}
