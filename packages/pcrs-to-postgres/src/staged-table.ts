import type { Table } from 'pcrs-records/columns';
import { forms } from 'pcrs-sink/places';
import { type Members, RefusedRecord } from 'pcrs-sink/table';
import type { CopyText } from './copy-text.ts';

type ColumnType = 'bigint' | 'text' | 'json';

/** A staged column: its values have a name of ours, so that no name from outside is ever SQL. */
interface StagedColumn {
  /** As in the table: in lower case. */
  readonly name: string;
  readonly type: ColumnType;
  /** False for one that a record added. */
  readonly known: boolean;
  /** Its place in the key, from 1; 0 for other columns. */
  readonly key: number;
  /** For a key column: absent and null count as 0. */
  readonly zero: boolean;
  /** Some record had it. */
  came: boolean;
}

/** The largest and smallest bigint. */
const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);
const wholeNumber = /^-?\d+$/;

/** Values by column, as JSON or digits. */
export type Given = ReadonlyMap<number, Buffer>;

const nothing: Given = new Map();

/** Rows in COPY's text format, each with values for the first N columns. */
interface Rows {
  readonly columns: number;
  readonly text: Buffer;
}

/** What a record lacks: these of the columns that existed when it came, and all later ones. */
interface Shape {
  readonly columns: number;
  readonly absent: readonly number[];
}

/** Rows of one table to be sent to the server, and which members their records had. */
export class StagedTable {
  readonly table: Table;
  readonly columns: StagedColumn[];
  readonly text: CopyText;
  /** Rows from before a column was added. */
  readonly #cut: Rows[] = [];
  /** Rows in total. */
  rows = 0;
  readonly #shapes: Shape[] = [];
  readonly #shapeNumbers = new Map<string, number>();
  #shape = -1;
  #absent: number[] = [];

  constructor(table: Table, text: CopyText) {
    this.table = table;
    this.text = text;
    this.columns = table.columns.map(({ name, type, json }) => ({
      name: name.toLowerCase(),
      type: type === 'INTEGER' ? 'bigint' : json === 'nested' ? 'json' : 'text',
      known: true,
      key: table.key.indexOf(name) + 1,
      zero: table.zeroKeys.includes(name),
      came: table.key.includes(name),
    }));
  }

  /** Adds a column for a new member; earlier rows lack it. */
  addColumn(name: string, type: ColumnType = 'text'): number {
    if (this.text.length > 0) this.#cut.push({ columns: this.columns.length, text: this.text.take() });
    return this.columns.push({ name, type, known: false, key: 0, zero: false, came: false }) - 1;
  }

  /**
   * Takes a row from a record.
   *
   * Takes   number   the record's number in the stream: the later of two rows with one key wins
   *         members  by column number
   *         given    values that are not members, by column number
   * Throws  RefusedRecord; nothing of the row is kept then
   */
  add(number: number, members: Members, sources: readonly number[], given: Given = nothing): void {
    const { text } = this;
    const before = text.length;
    try {
      text.beginRow();
      const absent = this.#values(members, sources, given);
      text.digits(number);
      text.endValue();
      text.digits(this.#shapeOf(absent));
      text.endValue();
      text.endRow();
    } catch (error) {
      text.length = before;
      throw error;
    }
    this.rows += 1;
  }

  /** The waiting rows, if there are enough for a COPY. */
  takeRows(enough: number): Rows[] {
    if (this.text.length > 0 && this.text.length >= enough)
      this.#cut.push({ columns: this.columns.length, text: this.text.take() });
    return this.#cut.splice(0);
  }

  #values(members: Members, sources: readonly number[], given: Given): readonly number[] {
    const absent = this.#absent;
    absent.length = 0;
    for (let index = 0; index < this.columns.length; index += 1) {
      const column = this.columns[index] as StagedColumn;
      const source = sources[index] as number;
      const value = given.size === 0 ? undefined : given.get(index);
      if (value !== undefined) {
        this.text.json(value, 0, value.length);
        column.came = true;
      } else {
        const found = source < 0 ? forms.absent : members.form(source);
        if (found === forms.absent && column.key === 0) absent.push(index);
        else column.came = true;
        this.#value(members, source, found, column);
      }
      this.text.endValue();
    }
    return absent;
  }

  #value(members: Members, source: number, found: number, column: StagedColumn): void {
    if (found <= forms.null) {
      if (column.key === 0) this.text.null();
      else if (column.zero) this.text.ascii('0');
      else
        throw new RefusedRecord(
          `${this.#memberOf(column)} ${found === forms.null ? 'must not be null' : 'is missing'} (it is part of the key of ${this.table.name})`,
        );
      return;
    }
    const [start, end] = [members.start(source), members.end(source)];
    if (column.type === 'bigint') this.#integer(members, source, column);
    else if (column.type === 'json')
      this.text.json(
        members.bytes,
        start - (found >= forms.string ? 1 : 0),
        end + (found >= forms.string ? 1 : 0),
      );
    else if (found >= forms.string) this.text.string(members.bytes, start, end, found);
    else this.text.json(members.bytes, start, end);
  }

  #integer(members: Members, source: number, column: StagedColumn): void {
    if (members.form(source) === forms.integer) {
      this.text.string(members.bytes, members.start(source), members.end(source), forms.integer);
      return;
    }
    const digits = members.text(source) as string;
    const isWhole = wholeNumber.test(digits);
    if (!isWhole || BigInt(digits) > largest || BigInt(digits) < smallest) {
      const limit = isWhole ? 'must be at most 2^63-1 (the limit of bigint)' : 'must be a whole number';
      throw new RefusedRecord(`${this.#memberOf(column)} ${limit}, got ${digits.slice(0, 80)}`);
    }
    this.text.ascii(digits);
  }

  #memberOf({ name }: StagedColumn): string {
    return this.table.columns.find((column) => column.name.toLowerCase() === name)?.name ?? name;
  }

  /** The shapes whose records lack a column. */
  shapesWithout(column: number): number[] {
    return this.#shapes.flatMap(({ columns, absent }, shape) =>
      column >= columns || absent.includes(column) ? [shape] : [],
    );
  }

  /** Number of the shape that lacks these columns; most records share the previous record's shape. */
  #shapeOf(absent: readonly number[]): number {
    const columns = this.columns.length;
    const last = this.#shapes[this.#shape];
    if (
      last !== undefined &&
      last.columns === columns &&
      last.absent.length === absent.length &&
      last.absent.every((column, index) => column === absent[index])
    )
      return this.#shape;
    const key = `${columns}:${absent.join()}`;
    let shape = this.#shapeNumbers.get(key);
    if (shape === undefined) {
      shape = this.#shapes.push({ columns, absent: [...absent] }) - 1;
      this.#shapeNumbers.set(key, shape);
    }
    this.#shape = shape;
    return shape;
  }
}
