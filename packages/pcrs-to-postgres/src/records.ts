import {
  bookkeepingColumns,
  controlsTable,
  hostIdsTable,
  policyTable,
  postureTable,
  type Table,
} from 'pcrs-records/columns';
import { codedError } from 'pcrs-records/errors';
import { hostIdsOf } from 'pcrs-sink/host-ids';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import { CopyText, type TextCounts } from './copy-text.ts';
import { SentControls } from './sent-controls.ts';
import { type Given, StagedTable } from './staged-table.ts';

const unknownMembers = 'unknown_members';

/** A gateway that invents more members than this is not adding fields. */
const addedColumnsLimit = 200;
/** PostgreSQL cuts longer names, in bytes. */
const longestName = 63;
/** System columns of every PostgreSQL table. */
const systemColumns = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'];

/** Turns the gateway's records into rows: the reader's tables for each kind, and the tables they fill. */
export class Records {
  readonly counts: TextCounts = { nulCharacters: 0, loneSurrogates: 0 };
  readonly policies = this.#staged(policyTable);
  readonly hostIds = this.#staged(hostIdsTable);
  readonly postures = this.#staged(postureTable);
  readonly controls = this.#staged(controlsTable);
  /** In merge order. */
  readonly tables: readonly StagedTable[] = [this.policies, this.hostIds, this.controls, this.postures];
  /** Hosts of the hostids records, and records with an `error`. */
  hosts = 0;
  policyErrors = 0;
  /** Subscription of the stream, learned from the first list. */
  subscriptionId: string | undefined;
  /** Records so far. */
  number = 0;
  readonly #refuseUnknown: boolean;

  constructor(refuseUnknown: boolean) {
    this.#refuseUnknown = refuseUnknown;
  }

  /** The reader's table for a kind; undefined for a kind without one. */
  tableOf(kind: string): RecordTable | undefined {
    switch (kind) {
      case 'policy':
        return this.#policyRecords();
      case 'hostids':
        return this.#hostIdsRecords();
      case 'posture':
        return this.#postureRecords();
      default:
        return undefined;
    }
  }

  #policyRecords(): RecordTable {
    const columns = policyTable.columns.map(({ name }) => name);
    const rows = new Rows(this.policies, columns, this.#refuseUnknown);
    const subscription = columns.indexOf('subscriptionId');
    return rows.recordTable((members) => {
      this.#checkSubscription(members.text(subscription));
      this.number += 1;
      rows.add(this.number, members);
    });
  }

  #hostIdsRecords(): RecordTable {
    const columns = hostIdsTable.columns.map(({ name }) => (name === 'hostId' ? 'hostIds' : name));
    const rows = new Rows(this.hostIds, columns, this.#refuseUnknown);
    const [list, subscription] = [columns.indexOf('hostIds'), columns.indexOf('subscriptionId')];
    return rows.recordTable((members) => {
      const hostIds = hostIdsOf(members);
      this.#checkSubscription(members.text(subscription));
      this.number += 1;
      for (const id of hostIds) rows.add(this.number, members, new Map([[list, Buffer.from(id)]]));
      this.hosts += hostIds.length;
      const error = members.columnOf('error');
      if (error >= 0 && members.text(error) !== null) this.policyErrors += 1;
    });
  }

  #postureRecords(): RecordTable {
    const texts = controlsTable.columns
      .map(({ name }) => name)
      .filter((name) => !controlsTable.key.includes(name));
    const columns = [...postureTable.columns.map(({ name }) => name), ...texts];
    const rows = new Rows(this.postures, columns, this.#refuseUnknown);
    const sources = controlsTable.columns.map(({ name }) => columns.indexOf(name));
    const sent = new SentControls(sources);
    return rows.recordTable((members) => {
      this.number += 1;
      rows.add(this.number, members);
      if (sent.isNew(members)) this.controls.add(this.number, members, sources);
    });
  }

  #staged(table: Table): StagedTable {
    return new StagedTable(table, new CopyText(this.counts));
  }

  #checkSubscription(id: string | null): void {
    if (id === null || id === '0') return;
    this.subscriptionId ??= id;
    if (id === this.subscriptionId) return;
    throw codedError(
      'PCRS_RECORD',
      `the records are of subscriptions ${this.subscriptionId} and ${id}; a schema holds only one, so use a separate --schema for each`,
    );
  }
}

/** The rows of one kind: the column that each member fills. */
class Rows {
  readonly #table: StagedTable;
  readonly #columns: readonly string[];
  readonly #sources: number[];
  readonly #taken: Set<string>;
  readonly #addedNames: string[] = [];
  readonly #refuseUnknown: boolean;
  #unknownColumn = -1;

  constructor(table: StagedTable, columns: readonly string[], refuseUnknown: boolean) {
    this.#table = table;
    this.#columns = columns;
    this.#refuseUnknown = refuseUnknown;
    this.#sources = table.columns.map((_, index) => index);
    this.#taken = new Set(
      [
        ...columns,
        ...table.columns.map(({ name }) => name),
        ...bookkeepingColumns.map(({ name }) => name),
        ...systemColumns,
        unknownMembers,
      ].map(folded),
    );
  }

  recordTable(take: (members: Members) => void): RecordTable {
    return { columns: this.#columns, take, wants: (name) => this.#wants(name) };
  }

  add(number: number, members: Members, given?: Given): void {
    while (this.#sources.length < this.#table.columns.length)
      this.#sources.push(members.columnOf(this.#addedNames.shift() ?? ''));
    this.#table.add(
      number,
      members,
      this.#sources,
      members.others.length === 0 ? given : this.#withOthers(members, given),
    );
  }

  /** Gives a member without a column a new one, if its name allows. */
  #wants(name: string): boolean {
    if (this.#refuseUnknown)
      throw new RefusedRecord(`has a member ${JSON.stringify(name)} that no column takes (--unknown fail)`);
    const column = folded(name);
    const usable =
      name !== '' &&
      Buffer.byteLength(column) <= longestName &&
      !/[\u0000-\u001f\u007f]/.test(name) &&
      name.isWellFormed();
    if (
      !usable ||
      this.#taken.has(column) ||
      this.#table.columns.length - this.#table.table.columns.length >= addedColumnsLimit
    )
      return false;
    this.#taken.add(column);
    this.#table.addColumn(column);
    this.#addedNames.push(name);
    return true;
  }

  #withOthers(members: Members, given: Given | undefined): Given {
    if (this.#unknownColumn < 0) {
      this.#unknownColumn = this.#table.addColumn(unknownMembers, 'json');
      this.#sources.push(-1);
    }
    return new Map([...(given ?? []), [this.#unknownColumn, Buffer.from(members.othersJson() ?? '')]]);
  }
}

/** PostgreSQL's rule for equal names. */
function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
