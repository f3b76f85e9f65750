import type { Database } from 'pcrs-database/open';
import { type Column, controlsTable, hostIdsTable, policyTable, postureTable } from 'pcrs-records/columns';
import type { GatewayKind } from 'pcrs-records/kinds';
import { hostIdsOf } from 'pcrs-sink/host-ids';
import { forms } from 'pcrs-sink/places';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import { KnownControls } from './known-controls.ts';
import { AddedColumns, unknownMembers } from './schema.ts';
import { type Batch, type Row, TableWriter, type WriterOptions } from './table-writer.ts';
import { type Bound, boundOf, type ColumnType, toInteger, type ValueCounts } from './values.ts';

export interface RecordsOptions {
  /** Refuse members without a column, instead of adding one. */
  refuseUnknown: boolean;
  /** Called with the subscription of each policy and hostids record; throws if it is another. */
  onSubscription(id: string): void;
}

const controlTexts = controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name));
const listColumns = hostIdsTable.columns.filter(({ name }) => name !== 'hostId');

/** Memory for recognising keys: enough for some millions of postures. */
const filterBytes = { postures: 16 * 1024 * 1024, hostIds: 2 * 1024 * 1024 };

/** Writes the gateway's records to the tables of the database. */
export class Records {
  readonly tables: Readonly<Record<GatewayKind, RecordTable>>;
  readonly writers: readonly TableWriter[];
  readonly counts: ValueCounts = { loneSurrogates: 0, nulCharacters: 0 };
  /** Hosts of the hostids records so far. */
  hosts = 0;
  /** `hostids` records with an `error`. */
  policyErrors = 0;
  readonly #db: Database;
  readonly #options: RecordsOptions;

  /**
   * Takes  lists   batch of policies and host ids
   *        slices  batch of postures and controls; its number is the slice's
   */
  constructor(db: Database, lists: Batch, slices: Batch, options: RecordsOptions) {
    this.#db = db;
    this.#options = options;
    const policies = this.#rows({ table: policyTable, batch: lists }, []);
    const hostIds = this.#rows({ table: hostIdsTable, batch: lists, filterBytes: filterBytes.hostIds }, [
      'hostIds',
    ]);
    const postures = this.#rows(
      {
        ...{ table: postureTable, batch: slices, filterBytes: filterBytes.postures },
        ofEvaluation: {
          columns: ['evidence', 'causeOfFailure'],
          evaluation: ['status', 'lastEvaluatedDate'],
        },
      },
      controlTexts.map(({ name }) => name),
    );
    const controls = new TableWriter(db, { table: controlsTable, batch: slices });
    this.tables = {
      policy: this.#policies(policies),
      hostids: this.#hostIds(hostIds),
      posture: this.#postures(postures, controls),
    };
    this.writers = [policies.writer, hostIds.writer, postures.writer, controls];
  }

  /** Writes rows that wait for others; everything so far is then in the tables, and counted. */
  flush(): void {
    for (const writer of this.writers) writer.flush();
  }

  /** The postures and controls written since the last call, by their writers. */
  takeTouched(): { writer: TableWriter; first: number; last: number }[] {
    this.flush();
    return this.writers
      .filter(({ table }) => table === postureTable || table === controlsTable)
      .flatMap((writer) => writer.touched.take().map(([first, last]) => ({ writer, first, last })));
  }

  #rows(options: WriterOptions, reserved: readonly string[]): RowMaker {
    const added = new AddedColumns(this.#db, options.table, reserved);
    return new RowMaker(
      new TableWriter(this.#db, { ...options, added }),
      this.counts,
      this.#options.refuseUnknown,
    );
  }

  #policies(rows: RowMaker): RecordTable {
    return {
      columns: rows.columns(policyTable.columns),
      wants: (name) => rows.wants(name),
      take: (record) => {
        const row = rows.row(record);
        rows.writer.checkKey(row);
        this.#checkSubscription(row[0]);
        rows.writer.store(row);
      },
    };
  }

  #hostIds(rows: RowMaker): RecordTable {
    const columns = rows.columns([...listColumns, { name: 'hostIds', type: 'TEXT' }]);
    const hostId = rows.writer.columnOf('hostId');
    return {
      columns,
      wants: (name) => rows.wants(name),
      take: (record) => {
        const hostIds = hostIdsOf(record).map(toInteger);
        const row = rows.row(record);
        row[hostId] = hostIds[0] ?? 0;
        rows.writer.checkKey(row);
        this.#checkSubscription(row[0]);
        for (const id of hostIds) {
          row[hostId] = id;
          rows.writer.store(row);
        }
        this.hosts += hostIds.length;
        if (record.columnOf('error') >= 0 && record.form(record.columnOf('error')) !== forms.absent)
          this.policyErrors += 1;
      },
    };
  }

  #postures(rows: RowMaker, controls: TableWriter): RecordTable {
    const columns = rows.columns([...postureTable.columns, ...controlTexts]);
    const texts = controlTexts.map(({ name }) => columns.indexOf(name));
    const keys = controlsTable.key.map((name) => columns.indexOf(name));
    const known = new KnownControls(texts);
    const storeControl = (key: string, control: Row, record: Members): void => {
      controls.checkKey(control);
      const { loneSurrogates, nulCharacters } = this.counts;
      for (const column of texts) control.push(rows.value(record, column, 'TEXT'));
      controls.store(control);
      // A changed text is counted each time it comes.
      const isChanged =
        this.counts.loneSurrogates + this.counts.nulCharacters > loneSurrogates + nulCharacters;
      if (isChanged) known.drop(key);
      else known.keep(key, record);
    };
    const [policyId, controlId, technologyId] = keys as [number, number, number];
    return {
      columns,
      wants: (name) => rows.wants(name),
      take: (record) => {
        const row = rows.row(record);
        rows.writer.checkKey(row);
        const key = `${row[policyId]},${row[controlId]},${row[technologyId] ?? 0}`;
        if (!known.has(key, record)) {
          storeControl(
            key,
            keys.map((column) => row[column]),
            record,
          );
        }
        rows.writer.store(row);
      },
    };
  }

  #checkSubscription(id: Bound | undefined): void {
    if (id !== undefined && id !== null && id !== 0) this.#options.onSubscription(String(id));
  }
}

/** Makes a table's rows from the members of one kind of record. */
class RowMaker {
  readonly writer: TableWriter;
  readonly #counts: ValueCounts;
  readonly #refuseUnknown: boolean;
  /** The record's columns that go into a row, with type and place. */
  #columns: { column: number; type: ColumnType; place: number; name: string }[] = [];
  #next = 0;

  constructor(writer: TableWriter, counts: ValueCounts, refuseUnknown: boolean) {
    this.writer = writer;
    this.#counts = counts;
    this.#refuseUnknown = refuseUnknown;
  }

  /** Columns of the record: the declared ones, and those that earlier records added. */
  columns(declared: readonly Pick<Column, 'name' | 'type'>[]): string[] {
    const before = (this.writer.added?.before ?? []).map((name) => ({ name, type: 'ANY' as const }));
    for (const { name, type } of [...declared, ...before]) this.#add(name, type);
    return [...declared, ...before].map(({ name }) => name);
  }

  /** Whether a member gets a column: the record's next one. */
  wants(name: string): boolean {
    if (this.#refuseUnknown) {
      throw new RefusedRecord(`has a member ${JSON.stringify(name)} that no column takes (--unknown fail)`);
    }
    if (!this.writer.added?.take(name)) return false;
    this.writer.addColumn(name);
    this.#add(name, 'ANY');
    return true;
  }

  row(record: Members): Row {
    const row: Row = [];
    for (const { column, place, type } of this.#columns) row[place] = this.value(record, column, type);
    const others = record.othersJson();
    if (others !== undefined) {
      if (this.writer.columnOf(unknownMembers) < 0) this.writer.addColumn(unknownMembers);
      row[this.writer.columnOf(unknownMembers)] = others;
    }
    return row;
  }

  /** A value for a column; undefined if the record lacks it. */
  value(record: Members, column: number, type: ColumnType): Bound | undefined {
    if (record.form(column) === forms.absent) return undefined;
    try {
      return boundOf(record, column, type, this.#counts);
    } catch (error) {
      if (error instanceof RangeError) throw new RefusedRecord(`${record.columns[column]} ${error.message}`);
      throw error;
    }
  }

  #add(name: string, type: ColumnType): void {
    const place = this.writer.columnOf(name);
    if (place >= 0) this.#columns.push({ column: this.#next, type, place, name });
    this.#next += 1;
  }
}
