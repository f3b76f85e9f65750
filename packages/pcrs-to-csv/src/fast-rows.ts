import type { CellChanges } from './cells.ts';
import type { Layout } from './columns.ts';
import type { CsvBytes } from './csv-bytes.ts';
import { FastCells, type FastDialect } from './fast-cells.ts';
import { canBeFast, type Member, type Members, membersOf, passing } from './fast-members.ts';
import { form, JsonScan, skipSpace } from './json-scan.ts';
import { rawObject } from './raw-json.ts';
import { startsWith, type Words, wordsOf } from './words.ts';

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const lineFeed = 0x0a;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Rows straight from the bytes of a record: cells are copied from the JSON into the CSV, few values are built.
 *
 * What it writes is what `cellText` and csv-stringify would; a test holds that. A line that is not plainly a record
 * of the layout's kind in proven JSON is left to them.
 */
export class FastRows {
  /** Names of members without a column in the row that was written last. */
  passed: string[] = [];
  readonly #cells: FastCells;
  readonly #scan: JsonScan;
  readonly #tag: Words;
  readonly #members: Members;
  /** Parts of the member at hand that no column shows. */
  readonly #left: { start: number; end: number }[] = [];
  #line = 0;

  private constructor(kind: string, members: Members, cells: FastCells, delimiter: number) {
    this.#cells = cells;
    this.#scan = new JsonScan(delimiter);
    this.#tag = wordsOf(Buffer.from(JSON.stringify(kind)));
    this.#members = members;
  }

  /**
   * Fast rows for a layout, or undefined where it cannot be shown so.
   *
   * Takes  picked  members without a column need not be reported
   */
  static for(
    kind: string,
    layout: Layout,
    picked: boolean,
    dialect: FastDialect,
    changes: CellChanges,
  ): FastRows | undefined {
    if (!canBeFast(layout)) return undefined;
    const cells = new FastCells(layout.columns.length, dialect, changes);
    return new FastRows(kind, membersOf(layout, picked), cells, dialect.delimiter);
  }

  /**
   * Writes the row of the record in a line.
   *
   * Takes   start  where the line begins; a line feed ends it
   * Yields  the place of that line feed; -1, with nothing written, where the line is not for it
   */
  write(bytes: Buffer, start: number, out: CsvBytes): number {
    this.#line += 1;
    this.#cells.clear();
    this.passed.length = 0;
    const end = this.#record(bytes, start);
    if (end < 0) return -1;
    this.#cells.writeRow(bytes, this.#scan.words(bytes), end - start, out);
    return end;
  }

  /** Finds the cells of a line, and the line feed that ends it; -1 where it is not a record for this. */
  #record(bytes: Buffer, start: number): number {
    const words = this.#scan.words(bytes);
    let at = skipSpace(bytes, start);
    if (bytes[at] !== openBrace) return -1;
    let before: Member | undefined;
    do {
      at = skipSpace(bytes, at + 1);
      let member = before === undefined ? this.#members.get('kind') : before.next;
      if (member !== undefined && startsWith(words, at, member.key)) at += member.key.byteLength;
      else {
        const end = this.#scan.string(bytes, at);
        member = end < 0 ? undefined : this.#named(bytes, at, end);
        if (member === undefined) return -1;
        at = skipSpace(bytes, end);
        if (bytes[at] !== colon) return -1;
        at += 1;
        if (before) before.next = member;
      }
      if (member.seen === this.#line) return -1;
      member.seen = this.#line;
      at = skipSpace(bytes, at);
      if (before === undefined) {
        if (member.use !== 'kind' || !startsWith(words, at, this.#tag)) return -1;
        at += this.#tag.byteLength;
      } else {
        at = this.#value(member, bytes, at);
        if (at < 0) return -1;
      }
      before = member;
      at = skipSpace(bytes, at);
    } while (bytes[at] === comma);
    if (bytes[at] !== closeBrace) return -1;
    at = skipSpace(bytes, at + 1);
    return bytes[at] === lineFeed ? at : -1;
  }

  /** The member whose quoted name is there; undefined for one that makes the line too special. */
  #named(bytes: Buffer, at: number, end: number): Member | undefined {
    if (bytes[at] !== quote || this.#scan.form > form.marked) return undefined;
    const name = bytes.toString('utf8', at + 1, end - 1);
    const member = this.#members.get(name) ?? passing(this.#members, name);
    return member?.use === 'refuse' ? undefined : member;
  }

  /** The place after a member's value, or -1. */
  #value(member: Member, bytes: Buffer, at: number): number {
    const { slot, rest, parts, use } = member;
    if (use === 'kind') return -1;
    const object = use === 'show' && bytes[at] === openBrace;
    if (object && slot < 0) return this.#parts(member, bytes, at);
    const end = this.#scan.value(bytes, at);
    if (end < 0) return -1;
    const { form: found } = this.#scan;
    if (use === 'pass') this.passed.push(member.name);
    else if (slot >= 0) this.#cells.note(slot, bytes, at, end, found);
    else if (rest < 0 && !member.loose && found !== form.null) return -1;
    if (object && (rest >= 0 || parts.length > 0)) return this.#parts(member, bytes, at);
    if (rest >= 0) this.#cells.note(rest, bytes, at, end, found);
    return end;
  }

  /** The place after an object that is shown by its parts; -1 where something of it would go unnoticed. */
  #parts(member: Member, bytes: Buffer, start: number): number {
    const words = this.#scan.words(bytes);
    this.#left.length = 0;
    let at = skipSpace(bytes, start + 1);
    if (bytes[at] === closeBrace) return at + 1;
    for (;;) {
      const nameStart = at;
      const part = member.parts.find(({ name }) => startsWith(words, nameStart, name));
      at = skipSpace(bytes, part ? at + part.name.byteLength : this.#plainName(bytes, at));
      if (bytes[at] !== colon) return -1;
      at = skipSpace(bytes, at + 1);
      const end = this.#scan.value(bytes, at);
      if (end < 0) return -1;
      if (part === undefined) {
        if (member.rest >= 0) this.#left.push({ start: nameStart, end });
        else if (!member.loose) return -1;
      } else if (part.slot >= 0) {
        if (this.#cells.has(part.slot)) return -1;
        this.#cells.note(part.slot, bytes, at, end, this.#scan.form);
      }
      at = skipSpace(bytes, end);
      if (bytes[at] === closeBrace) break;
      if (bytes[at] !== comma) return -1;
      at = skipSpace(bytes, at + 1);
    }
    if (this.#left.length > 0) this.#cells.setRaw(member.rest, rawObject(bytes, this.#left));
    return at + 1;
  }

  /** The place after a name without escapes; another place, where no colon is, for anything else. */
  #plainName(bytes: Buffer, at: number): number {
    const end = bytes[at] === quote ? this.#scan.string(bytes, at) : -1;
    return end >= 0 && this.#scan.form !== form.escaped && this.#scan.form !== form.unicode ? end : at;
  }
}
