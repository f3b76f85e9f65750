import type { Database, Statement } from 'pcrs-database/open';
import { controlsTable, postureTable } from 'pcrs-records/columns';
import type { ColumnPath } from 'pcrs-sink/members';
import { type Members, RefusedRecord } from 'pcrs-sink/table';
import { identity, identityColumns } from './schema.ts';

const postureColumns: ColumnPath[] = [
  ...['policyId', 'hostId', 'controlId', 'technologyId', 'instance', 'id', 'status', 'currentBatch'],
  ...['firstFailDate', 'lastPassDate', 'lastEvaluatedDate', 'complianceLastScanDate', 'dns', 'ip', 'netBios'],
  ...['policyTitle', 'controlStatement'],
  ['technology', 'name'],
  ['criticality', 'label'],
  ['criticality', 'value'],
];

/**
 * Members that a history does not store; named here because a reader looks closely at each member without a column.
 */
const unused: ColumnPath[] = [...postureTable.columns, ...controlsTable.columns]
  .map(({ name }) => name)
  .filter((name) => !postureColumns.some((column) => column === name || column[0] === name));

const policyColumns: ColumnPath[] = ['id', 'title', 'subscriptionId'];

/** The staged tables of a run, which a merge reads. */
const tables = {
  staged: `(
    ${identityColumns}, id INTEGER, status TEXT, first_fail TEXT, last_pass TEXT, evaluated TEXT, scanned TEXT,
    PRIMARY KEY (${identity.join(', ')})
  ) WITHOUT ROWID`,
  staged_policies: '(policyId INTEGER PRIMARY KEY, policyTitle TEXT)',
  staged_hosts: '(hostId INTEGER PRIMARY KEY, dns TEXT, ip TEXT, netBios TEXT)',
  staged_controls: `(
    policyId INTEGER, controlId INTEGER, technologyId INTEGER, controlStatement TEXT, technology_name TEXT,
    criticality_label TEXT, criticality_value, PRIMARY KEY (policyId, controlId, technologyId)
  ) WITHOUT ROWID`,
} as const;
type Name = keyof typeof tables;
const names = Object.keys(tables) as Name[];

/** NULL in a compared column: an empty blob, which no text equals. */
const nullInstance = Buffer.alloc(0);

/** A run's data in its own temporary tables: each posture once, names once. */
export class Staging {
  /** Columns of each kind of record, for a reader. */
  static readonly columns = { posture: [...postureColumns, ...unused], policy: policyColumns };
  /** From the policies; null if none came. */
  subscription: string | null = null;
  readonly #db: Database;
  readonly #number: number;
  readonly #insert: Readonly<Record<Name, Statement>>;
  readonly #hosts = new Set<bigint>();
  readonly #controls = new Set<string>();

  /** Takes  number  of the run in its stream: keeps its tables apart from the next run's */
  constructor(db: Database, number: number) {
    this.#db = db;
    this.#number = number;
    for (const name of names) db.exec(`CREATE TEMP TABLE ${name}_${number} ${tables[name]}`);
    const insert = (name: Name, values: number, or: string) =>
      db.prepare(`INSERT OR ${or} INTO ${name}_${number} VALUES (${Array(values).fill('?').join(', ')})`);
    this.#insert = {
      staged: insert('staged', 11, 'REPLACE'),
      staged_policies: insert('staged_policies', 2, 'IGNORE'),
      staged_hosts: insert('staged_hosts', 4, 'IGNORE'),
      staged_controls: insert('staged_controls', 7, 'IGNORE'),
    };
  }

  /** Takes the current record, its columns as in `columns`. Throws RefusedRecord. */
  take(kind: keyof typeof Staging.columns, record: Members): void {
    if (kind === 'posture') this.#takePosture(record);
    else this.#takePolicy(record);
  }

  /** Gives the tables the names that a merge reads. */
  expose(): void {
    for (const name of names) this.#db.exec(`ALTER TABLE temp.${name}_${this.#number} RENAME TO ${name}`);
  }

  /** Number of postures, each counted once; valid once exposed. */
  get postures(): number {
    return this.#db.prepare('SELECT count(*) FROM temp.staged').pluck().get() as number;
  }

  drop(): void {
    for (const name of names) this.#db.exec(`DROP TABLE temp.${name}`);
  }

  #takePosture(record: Members): void {
    const [policyId, hostId, controlId] = [0, 1, 2].map((column) => idOf(record, column)) as [
      bigint,
      bigint,
      bigint,
    ];
    const technologyId = record.text(3) === null ? 0n : idOf(record, 3);
    const texts = [8, 9, 10, 11].map((column) => record.text(column) || null);
    this.#insert.staged.run(
      ...[policyId, hostId, controlId, technologyId, record.text(4) ?? nullInstance, idOf(record, 5)],
      ...[record.text(6), ...texts],
    );
    if (!this.#hosts.has(hostId)) {
      this.#hosts.add(hostId);
      this.#insert.staged_hosts.run(hostId, record.text(12), record.text(13), record.text(14));
    }
    const name = `${policyId} ${controlId} ${technologyId}`;
    if (this.#controls.has(name)) return;
    this.#controls.add(name);
    this.#insert.staged_policies.run(policyId, record.text(15));
    const value = record.text(19);
    this.#insert.staged_controls.run(
      ...[policyId, controlId, technologyId, record.text(16), record.text(17), record.text(18)],
      value !== null && /^\d{1,9}$/.test(value) ? Number(value) : value,
    );
  }

  #takePolicy(record: Members): void {
    this.#insert.staged_policies.run(idOf(record, 0), record.text(1));
    this.subscription ??= record.text(2);
  }
}

const largest = 2n ** 63n - 1n;

function idOf(record: Members, column: number): bigint {
  const text = record.text(column);
  if (text !== null && /^\d{1,19}$/.test(text) && BigInt(text) <= largest) return BigInt(text);
  throw new RefusedRecord(`${String(record.columns[column])} must be an id, got ${text ?? 'nothing'}`);
}
