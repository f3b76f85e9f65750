import type { Database, Statement } from 'pcrs-database/open';
import { sqlPart } from 'pcrs-database/sql';
import { StoredPosture } from 'pcrs-database/stored-posture';
import { changeColumns, controlsTable, postureTable } from 'pcrs-records/columns';
import type { ChangeWord } from './change-words.ts';

/** An id from SQLite, with every digit. */
export type Id = bigint | string;

/** The counted members of a difference; `line` is the record. */
export interface Change {
  readonly change: ChangeWord;
  readonly policyId: Id;
  readonly policyTitle: string | null;
  readonly hostId: Id | null;
  readonly ip: string | null;
  readonly dns: string | null;
  readonly controlId: Id | null;
  readonly controlStatement: string | null;
  readonly criticality_label: string | null;
  readonly id: Id | null;
  readonly newStatus: string | null;
  readonly line: string;
}

/** Members of a record besides those of its row. */
interface Given {
  change: ChangeWord;
  oldStatus: string | null;
  newStatus: string | null;
}

/** SQL of each member, from a posture `p` and its control's texts `c`. */
const members: Readonly<Record<string, string>> = {
  change: ':change',
  oldStatus: ':oldStatus',
  newStatus: ':newStatus',
  policyTitle: 'c.policyTitle',
  controlStatement: 'c.controlStatement',
  technology_name: sqlPart('c.technology', 'name'),
  criticality_label: sqlPart('c.criticality', 'label'),
  criticality_value: sqlPart('c.criticality', 'value'),
};

const counted = ['change', 'policyId', 'policyTitle', 'hostId', 'ip', 'dns', 'controlId', 'controlStatement'];

/** Members of a record about a control of a policy, which has no host. */
const ofControl = new Set([...Object.keys(members), 'policyId', 'controlId']);

/** SQL that builds a record; SQL keeps all digits. */
function recordSql(sourceOf: (name: string) => string): string {
  const record = changeColumns.map(({ name }) => `'${name}', ${sourceOf(name)}`);
  return [
    ...[...counted, 'criticality_label', 'id', 'newStatus'].map((name) => `${sourceOf(name)} AS ${name}`),
    `json_object('kind', 'change', ${record.join(', ')}) AS line`,
  ].join(', ');
}

/** Makes `change` records from the rows of one database. */
export class ChangeRecords {
  readonly #ofRow: Statement;
  readonly #ofControl: Statement;
  readonly #posture: StoredPosture;

  /** Takes  name  the database's name in SQL */
  constructor(db: Database, name: string) {
    const source = (name: string) => members[name] ?? `p.${name}`;
    this.#ofRow = db
      .prepare(
        `SELECT ${recordSql(source)} FROM ${name}.${postureTable.name} AS p LEFT JOIN ${name}.${controlsTable.name} AS c
         ON c.policyId = p.policyId AND c.controlId = p.controlId AND c.technologyId = coalesce(p.technologyId, 0)
         WHERE p.rowid = :rowid`,
      )
      .safeIntegers();
    const sourceOfControl = (name: string) =>
      name === 'policyId' || name === 'controlId' ? `:${name}` : ofControl.has(name) ? source(name) : 'NULL';
    this.#ofControl = db
      .prepare(
        `SELECT ${recordSql(sourceOfControl)} FROM (SELECT 1) LEFT JOIN ${name}.${controlsTable.name} AS c
         ON c.policyId = :policyId AND c.controlId = :controlId LIMIT 1`,
      )
      .safeIntegers();
    this.#posture = new StoredPosture(db, name);
  }

  /** The record of a posture, with the whole posture in it. */
  ofPosture(rowid: bigint, given: Given): Change {
    const change = this.#ofRow.get({ rowid, ...given }) as Change;
    return { ...change, line: `${change.line.slice(0, -1)},"posture":${this.#posture.at(rowid)}}` };
  }

  /** The record of a control added to a policy or removed from it. */
  ofControl(policyId: bigint, controlId: bigint, change: ChangeWord): Change {
    return this.#ofControl.get({ policyId, controlId, change, oldStatus: null, newStatus: null }) as Change;
  }
}
