import { crc32 } from 'node:zlib';
import {
  type Column,
  controlsTable,
  hostIdsTable,
  policyTable,
  postureTable,
  type Table,
} from 'pcrs-records/columns';
import { excerpt } from 'pcrs-records/errors';
import { hostIdsOf } from 'pcrs-sink/host-ids';
import { forms } from 'pcrs-sink/places';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import type { FileColumn, Value } from './parquet-file.ts';

/** Writer of a table's rows. */
interface RowWriter {
  add(row: readonly Value[], bytes: number): void;
}

/** Counts of changed or omitted values. */
interface RowCounts {
  /** Texts in which half of a surrogate pair became U+FFFD. */
  loneSurrogates: number;
  /** Postures whose control has other texts than the first record of that control. */
  differingControls: number;
}

/** Members without a column, as one JSON object. */
const unknownMembers = 'unknown_members';
const unknownColumn: FileColumn = { name: unknownMembers, type: 'TEXT' };

export const tables: readonly Table[] = [policyTable, hostIdsTable, postureTable, controlsTable];

/** The columns of a table's files: the same in every run. */
export function fileColumns(table: Table): FileColumn[] {
  const known = table.columns.map(({ name, type }) => ({ name, type }));
  return table === controlsTable ? known : [...known, unknownColumn];
}

const controlTexts = controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name));
const rowBytes = 64;

/** The record tables of a run, one for each kind. */
export class Rows {
  readonly counts: RowCounts = { loneSurrogates: 0, differingControls: 0 };
  readonly tables: Readonly<Record<string, RecordTable>>;
  readonly #controls = new Map<string, number>();

  /**
   * Takes  writerOf        the writer of a table
   *        onSubscription  called with the subscription of each policy and hostids record; throws if it is another
   */
  constructor(writerOf: (table: Table) => RowWriter, onSubscription: (id: string) => void) {
    const [policies, hostIds] = [writerOf(policyTable), writerOf(hostIdsTable)];
    const [postures, controls] = [writerOf(postureTable), writerOf(controlsTable)];
    this.tables = {
      policy: this.#table(policyTable.columns, policyTable, (record, row) => {
        onSubscription(String(row[0] ?? ''));
        policies.add(row, bytesOf(record, record.columns.length));
      }),
      hostids: this.#table(
        [...hostIdsTable.columns.slice(0, -1), { name: 'hostIds', type: 'TEXT', json: 'nested' }],
        hostIdsTable,
        (record, row) => {
          onSubscription(String(row[0] ?? ''));
          for (const id of hostIdsOf(record).map(BigInt)) {
            const [subscriptionId, policyId, , unknown] = row as [Value, Value, Value, Value];
            hostIds.add(
              [subscriptionId, policyId, id, unknown],
              rowBytes + (unknown?.toString().length ?? 0),
            );
          }
        },
      ),
      posture: this.#table(
        postureTable.columns,
        postureTable,
        (record, row) => {
          const control = this.#controlOf(record, row);
          postures.add(row, bytesOf(record, postureTable.columns.length));
          if (control) controls.add(control, bytesOf(record, record.columns.length));
        },
        controlTexts,
      ),
    };
  }

  #table(
    columns: readonly Column[],
    table: Table,
    take: (record: Members, row: Value[]) => void,
    more: readonly Column[] = [],
  ): RecordTable {
    const needed = table.key.filter((name) => name !== 'hostId' || table !== hostIdsTable);
    const keys = needed
      .filter((name) => !table.zeroKeys.includes(name))
      .map((name) => columns.findIndex((column) => column.name === name));
    return {
      columns: [...columns, ...more].map(({ name }) => name),
      take: (record) => {
        const row = columns.map((column, index) => this.#value(record, index, column));
        for (const key of keys)
          if (row[key] === null) throw new RefusedRecord(`${columns[key]?.name} is missing`);
        row.push(record.othersJson() ?? null);
        take(record, row);
      },
    };
  }

  #value(record: Members, column: number, { name, type }: Column): Value {
    const form = record.form(column);
    if (form === forms.absent || form === forms.null) return null;
    const text = record.text(column) as string;
    if (type === 'INTEGER') return integer(name, text);
    if (form < forms.escaped || text.isWellFormed()) return text;
    this.counts.loneSurrogates += 1;
    return text.toWellFormed();
  }

  /** The row of a control, if it is the first of its key. */
  #controlOf(record: Members, row: readonly Value[]): Value[] | undefined {
    const key = controlsTable.key.map((name) => row[postureColumn(name)] ?? 0n);
    let sum = 0;
    for (let at = 0; at < controlTexts.length; at += 1) {
      const column = postureTable.columns.length + at;
      sum = crc32(`${record.form(column)},`, sum);
      sum = crc32(record.bytes.subarray(record.start(column), record.end(column)), sum);
    }
    const known = this.#controls.get(key.join());
    if (known === undefined) {
      this.#controls.set(key.join(), sum);
      const texts = controlTexts.map((column, at) =>
        this.#value(record, postureTable.columns.length + at, column),
      );
      return [...key, ...texts];
    }
    if (known !== sum) this.counts.differingControls += 1;
    return undefined;
  }
}

const postureColumns = new Map(postureTable.columns.map(({ name }, index) => [name, index]));

function postureColumn(name: string): number {
  return postureColumns.get(name) as number;
}

/** Upper limit for the bytes of the first columns and the unknown members: as JSON. */
function bytesOf(record: Members, columns: number): number {
  let bytes = rowBytes;
  for (let column = 0; column < columns; column += 1) bytes += record.end(column) - record.start(column);
  for (const { start, end } of record.others) bytes += end - start;
  return bytes;
}

const wholeNumber = /^(?:0|-?[1-9]\d*)$/;
const [smallest, largest] = [-(2n ** 63n), 2n ** 63n - 1n];

function integer(name: string, digits: string): bigint {
  if (!wholeNumber.test(digits))
    throw new RefusedRecord(`${name} must be a whole number, got ${excerpt(digits)}`);
  const value = BigInt(digits);
  if (value > largest || value < smallest)
    throw new RefusedRecord(`${name} must be at most 2^63-1 (INT64's limit), got ${digits}`);
  return value;
}
