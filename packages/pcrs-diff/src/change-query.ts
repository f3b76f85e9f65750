import type { Database, Statement } from 'pcrs-database/open';
import { changeColumns, controlsTable, postureTable } from 'pcrs-records/columns';
import type { ChangeWord } from './change-words.ts';

/** An id as SQLite gives it: every digit of an integer. */
export type Id = bigint | string;

/** A difference, as far as it is counted; `line` is the record. */
export interface Change {
  readonly change: ChangeWord;
  readonly policyId: Id;
  readonly policyTitle: string | null;
  readonly hostId: Id;
  readonly ip: string | null;
  readonly dns: string | null;
  readonly controlId: Id | null;
  readonly controlStatement: string | null;
  readonly criticality_label: string | null;
  readonly line: string;
}

/** Hosts of one policy: after one id, up to another. */
export interface HostRange {
  policyId: Id;
  after: Id | number;
  upTo: Id | Uint8Array;
}

const posture = postureTable.name;
const controls = controlsTable.name;

/** The key of a posture: evidence may come in several batches, which are rows of one posture and of one status. */
const identity = postureTable.key.filter((name) => name !== 'currentBatch');

const sameAs = (a: string, b: string) => identity.map((name) => `${a}.${name} = ${b}.${name}`).join(' AND ');

const inRange = (row: string) =>
  `${row}.policyId = :policyId AND ${row}.hostId > :after AND ${row}.hostId <= :upTo`;

const isFirstBatch = (database: string, row: string) =>
  `NOT EXISTS (SELECT 1 FROM ${database}.${posture} AS b WHERE ${sameAs('b', row)} AND b.currentBatch < ${row}.currentBatch)`;

const part = (member: string, name: string) =>
  `CASE WHEN json_valid(c.${member}) THEN json_extract(c.${member}, '$.${name}') END`;

/** Where a change's members are, in a posture `p` and the texts `c` of its control. */
const members: Readonly<Record<string, string>> = {
  policyTitle: 'c.policyTitle',
  controlStatement: 'c.controlStatement',
  technology_name: part('technology', 'name'),
  criticality_label: part('criticality', 'label'),
  criticality_value: part('criticality', 'value'),
};

const counted = ['policyId', 'policyTitle', 'hostId', 'ip', 'dns', 'controlId', 'controlStatement'] as const;

/** The columns of an arm of the query: what is counted, and the record as text, made here since SQL keeps all digits. */
function columnsOf(row: string, change: string, oldStatus: string, newStatus: string): string {
  const given: Record<string, string> = { change, oldStatus, newStatus };
  const sourceOf = (name: string) => given[name] ?? members[name] ?? `${row}.${name}`;
  const record = changeColumns.map(({ name }) => `'${name}', ${sourceOf(name)}`);
  return [
    ...['change', ...counted, 'criticality_label', 'id'].map((name) => `${sourceOf(name)} AS ${name}`),
    `json_object('kind', 'change', ${record.join(', ')}) AS line`,
  ].join(',\n    ');
}

const textsOf = (database: string, row: string) => `LEFT JOIN ${database}.${controls} AS c
    ON c.policyId = ${row}.policyId AND c.controlId = ${row}.controlId AND c.technologyId = coalesce(${row}.technologyId, 0)`;

const word = `CASE
      WHEN o.id IS NULL THEN 'appeared'
      WHEN n.status = 'failed' COLLATE NOCASE THEN 'newly_failed'
      WHEN o.status = 'failed' COLLATE NOCASE AND n.status = 'passed' COLLATE NOCASE THEN 'fixed'
      ELSE 'status_changed'
    END`;

/**
 * Two walks along the key, merged: new postures beside their old selves, and old ones without a new self. Which batch is
 * the first is asked only of the few that differ.
 */
const changesSql = `SELECT
    ${columnsOf('n', word, 'o.status', 'n.status')}
  FROM main.${posture} AS n
  LEFT JOIN old.${posture} AS o ON ${sameAs('o', 'n')}
  ${textsOf('main', 'n')}
  WHERE ${inRange('n')} AND CASE
    WHEN o.id IS NULL THEN ${isFirstBatch('main', 'n')}
    WHEN o.status IS n.status COLLATE NOCASE THEN 0
    ELSE ${isFirstBatch('main', 'n')} AND ${isFirstBatch('old', 'o')}
  END
UNION ALL
  SELECT
    ${columnsOf('o', "'vanished'", 'o.status', 'NULL')}
  FROM old.${posture} AS o
  ${textsOf('old', 'o')}
  WHERE ${inRange('o')}
    AND NOT EXISTS (SELECT 1 FROM main.${posture} AS n WHERE ${sameAs('n', 'o')})
    AND ${isFirstBatch('old', 'o')}
ORDER BY hostId, controlId, id`;

/** Each policy once, by stepping from one to the next along the key. */
const policiesIn = (database: string) => `SELECT id FROM (
  WITH RECURSIVE step(id) AS (
    SELECT min(policyId) FROM ${database}.${posture}
    UNION ALL
    SELECT (SELECT min(policyId) FROM ${database}.${posture} WHERE policyId > step.id) FROM step WHERE step.id IS NOT NULL
  )
  SELECT id FROM step WHERE id IS NOT NULL
)`;

const aheadIn = (database: string) =>
  `SELECT * FROM (SELECT hostId FROM ${database}.${posture} WHERE policyId = :policyId AND hostId > :after ORDER BY hostId LIMIT 1 OFFSET :rows)`;

const posturesIn = (database: string) =>
  `(SELECT count(*) FROM (SELECT 1 FROM ${database}.${posture} AS p WHERE ${inRange('p')} GROUP BY ${identity.join(', ')}))`;

/** Asks two databases, the older one attached as `old`, for what differs between them. */
export class ChangeQuery {
  readonly #changes: Statement;
  readonly #policies: Statement;
  readonly #ahead: Statement;
  readonly #postures: Statement;

  constructor(db: Database) {
    this.#changes = db.prepare(changesSql).safeIntegers();
    this.#policies = db
      .prepare(`${policiesIn('main')} UNION ${policiesIn('old')} ORDER BY 1`)
      .pluck()
      .safeIntegers();
    this.#ahead = db
      .prepare(`SELECT min(hostId) FROM (${aheadIn('main')} UNION ALL ${aheadIn('old')})`)
      .pluck()
      .safeIntegers();
    this.#postures = db.prepare(`SELECT ${posturesIn('old')} AS old, ${posturesIn('main')} AS new`);
  }

  /** The policies that have postures in either, by id. */
  policies(): Id[] {
    return this.#policies.all() as Id[];
  }

  /**
   * The next hosts of a policy: so many that neither database has many more rows of them than `rows`, but at least one.
   *
   * Takes  after  the `upTo` of the range before; undefined for the policy's first
   */
  range(policyId: Id, after: Id | undefined, rows: number): HostRange & { isLast: boolean } {
    const from = after ?? Number.NEGATIVE_INFINITY;
    const ahead = this.#ahead.get({ policyId, after: from, rows }) as Id | null;
    // An empty blob comes after every number and every text.
    return { policyId, after: from, upTo: ahead ?? new Uint8Array(0), isLast: ahead === null };
  }

  /** What differs, by host, control and id. */
  changes({ policyId, after, upTo }: HostRange): Change[] {
    return this.#changes.all({ policyId, after, upTo }) as Change[];
  }

  /** How many postures there are, each counted once. */
  postures({ policyId, after, upTo }: HostRange): { old: number; new: number } {
    return this.#postures.get({ policyId, after, upTo }) as { old: number; new: number };
  }
}
