import type { Database } from 'pcrs-database/open';
import { controlsTable, postureTable } from 'pcrs-records/columns';
import type { ColumnPath } from 'pcrs-sink/members';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import { identity, identityColumns } from './schema.ts';

const postureColumns: ColumnPath[] = [
  ...['policyId', 'hostId', 'controlId', 'technologyId', 'instance', 'id', 'status', 'currentBatch'],
  ...['firstFailDate', 'lastPassDate', 'lastEvaluatedDate', 'complianceLastScanDate', 'dns', 'ip', 'netBios'],
  ...['policyTitle', 'controlStatement'],
  ['technology', 'name'],
  ['criticality', 'label'],
  ['criticality', 'value'],
];

/** Members that a history does not keep: named all the same, since a reader looks at each member that has no column. */
const unused: ColumnPath[] = [...postureTable.columns, ...controlsTable.columns]
  .map(({ name }) => name)
  .filter((name) => !postureColumns.some((column) => column === name || column[0] === name));

const tables = `
CREATE TEMP TABLE staged (
  ${identityColumns}, id INTEGER, status TEXT, first_fail TEXT, last_pass TEXT, evaluated TEXT, scanned TEXT,
  PRIMARY KEY (${identity.join(', ')})
) WITHOUT ROWID;
CREATE TEMP TABLE staged_policies (policyId INTEGER PRIMARY KEY, policyTitle TEXT);
CREATE TEMP TABLE staged_hosts (hostId INTEGER PRIMARY KEY, dns TEXT, ip TEXT, netBios TEXT);
CREATE TEMP TABLE staged_controls (
  policyId INTEGER, controlId INTEGER, technologyId INTEGER, controlStatement TEXT, technology_name TEXT,
  criticality_label TEXT, criticality_value, PRIMARY KEY (policyId, controlId, technologyId)
) WITHOUT ROWID;`;

/** NULL in a column that is compared: an empty blob, which no text equals. */
const nullInstance = Buffer.alloc(0);

/** What a run says, in temporary tables: each posture once, names once. */
export class Staging {
  /** By kind, for a reader. */
  readonly tables: Readonly<Record<string, RecordTable>>;
  /** As the policies tell; null if none came. */
  subscription: string | null = null;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    db.exec(tables);
    // One transaction, of temporary tables alone: a transaction a row takes a hundred times as long.
    db.exec('BEGIN');
    this.tables = { posture: this.#postures(), policy: this.#policies() };
  }

  /** Postures, each once. */
  get postures(): number {
    return this.#db.prepare('SELECT count(*) FROM staged').pluck().get() as number;
  }

  /** All that there is was taken. */
  end(): void {
    this.#db.exec('COMMIT');
  }

  #postures(): RecordTable {
    const insert = this.#db.prepare(`INSERT OR REPLACE INTO staged VALUES (${'?, '.repeat(10)}?)`);
    const host = this.#db.prepare('INSERT OR IGNORE INTO staged_hosts VALUES (?, ?, ?, ?)');
    const control = this.#db.prepare('INSERT OR IGNORE INTO staged_controls VALUES (?, ?, ?, ?, ?, ?, ?)');
    const policy = this.#db.prepare('INSERT OR IGNORE INTO staged_policies VALUES (?, ?)');
    const hosts = new Set<bigint>();
    const controls = new Set<string>();
    const take = (record: Members): void => {
      const [policyId, hostId, controlId] = [0, 1, 2].map((column) => idOf(record, column)) as [
        bigint,
        bigint,
        bigint,
      ];
      const technologyId = record.text(3) === null ? 0n : idOf(record, 3);
      const texts = [8, 9, 10, 11].map((column) => record.text(column) || null);
      insert.run(
        ...[policyId, hostId, controlId, technologyId, record.text(4) ?? nullInstance, idOf(record, 5)],
        ...[record.text(6), ...texts],
      );
      if (!hosts.has(hostId)) {
        hosts.add(hostId);
        host.run(hostId, record.text(12), record.text(13), record.text(14));
      }
      const name = `${policyId} ${controlId} ${technologyId}`;
      if (controls.has(name)) return;
      controls.add(name);
      policy.run(policyId, record.text(15));
      const value = record.text(19);
      control.run(
        ...[policyId, controlId, technologyId, record.text(16), record.text(17), record.text(18)],
        value !== null && /^\d{1,9}$/.test(value) ? Number(value) : value,
      );
    };
    return { columns: [...postureColumns, ...unused], take };
  }

  #policies(): RecordTable {
    const insert = this.#db.prepare('INSERT OR REPLACE INTO staged_policies VALUES (?, ?)');
    const take = (record: Members): void => {
      insert.run(idOf(record, 0), record.text(1));
      this.subscription ??= record.text(2);
    };
    return { columns: ['id', 'title', 'subscriptionId'], take };
  }
}

const largest = 2n ** 63n - 1n;

function idOf(record: Members, column: number): bigint {
  const text = record.text(column);
  if (text !== null && /^\d{1,19}$/.test(text) && BigInt(text) <= largest) return BigInt(text);
  throw new RefusedRecord(`${String(record.columns[column])} must be an id, got ${text ?? 'nothing'}`);
}
