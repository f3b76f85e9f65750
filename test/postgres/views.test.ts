// The views and status rows of a schema equal those of a database of pcrs-to-sqlite.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openForReading } from 'pcrs-database/open';
import { toSqlite } from 'pcrs-to-sqlite';
import {
  asRun,
  asStream,
  hostIds,
  lacking,
  load,
  openPostgres,
  policy,
  posture,
  query,
  type Row,
  runId,
} from '../support/postgres-load.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const server = (await openPostgres()) as PostgresServer;
const skip = lacking(server);
const folder = mkdtempSync(join(tmpdir(), 'pcrs-views-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let stores = 0;

/** A database and a schema that load the same streams. */
class Stores {
  readonly schema = `v${++stores}`;
  readonly path = join(folder, `${this.schema}.db`);

  async load(lines: readonly string[], prune = false): Promise<void> {
    await load(server, this.schema, lines, { prune });
    await toSqlite(this.path, asStream(lines), { prune });
  }

  inPostgres(sql: string): Promise<Row[]> {
    return query(server, sql.replaceAll('$SCHEMA.', `${this.schema}.`));
  }

  async inSqlite(sql: string): Promise<Row[]> {
    const { db, close } = await openForReading(this.path);
    try {
      return db.prepare(sql.replaceAll('$SCHEMA.', '')).safeIntegers().all() as Row[];
    } finally {
      close();
    }
  }
}

const labels = ['URGENT', 'CRITICAL', 'SERIOUS', 'MEDIUM', 'MINIMAL', 'OURS'];
const statuses = ['Failed', 'Passed', 'PassedE', 'Error', 'Failed', null, 'Odd'];

/** Postures of many kinds: every status and criticality, with and without dates, some without a control's texts. */
const many = Array.from({ length: 120 }, (_, n) =>
  posture({
    ...{ id: n, hostId: 1 + (n % 7), controlId: n % 11, policyId: n % 3 === 0 ? 9 : 85361 },
    ...{ status: statuses[n % statuses.length], instance: n % 5 === 0 ? 'db1' : null, technologyId: n % 2 },
    firstFailDate: [null, '', 'soon', '2026-01-02T03:04:05Z', '2031-01-01'][n % 5],
    // No two of a host are equal: otherwise either might describe it.
    complianceLastScanDate: n % 4 === 0 ? null : `2026-10-${10 + (n % 20)}T00:00:${10 + (n % 50)}Z`,
    ...{ dns: `h${n}`, netBios: null, os: n % 2 ? 'Linux' : '' },
    ...(n % 11 < 9 && {
      ...{ policyTitle: n % 3 === 0 ? 'Nine' : 'CIS', controlStatement: `c${n % 11}` },
      technology: { id: n % 2, name: n % 2 ? 'Unix' : 'Windows' },
      criticality: { label: labels[(n % 11) % 6], value: (n % 11) % 6 === 5 ? 17 : 5 - ((n % 11) % 6) },
    }),
    ...(n % 10 === 0 && { owner: 'unix team' }),
  }),
);

/** What came in a second batch, or without its technology, is no posture of its own. */
const again = Array.from({ length: 12 }, (_, n) =>
  posture({
    ...{
      id: n * 9,
      hostId: 1 + ((n * 9) % 7),
      controlId: (n * 9) % 11,
      policyId: (n * 9) % 3 === 0 ? 9 : 85361,
    },
    ...{ status: n % 2 ? 'Passed' : 'Failed', instance: (n * 9) % 5 === 0 ? 'db1' : null, currentBatch: 2 },
    ...{ technologyId: (n * 9) % 2 === 0 && n % 4 === 0 ? null : (n * 9) % 2, dns: `again${n}` },
    complianceLastScanDate: '2020-01-01',
  }),
);

const views = [
  'v_pcrs_postureinfo',
  'v_pcrs_failed',
  'v_pcrs_hosts',
  'v_pcrs_hosts_without_posture',
  'v_pcrs_pass_rate',
];

test('a schema has each view of a database, with the same columns first, and the same rows', {
  skip,
}, async () => {
  const both = new Stores();
  await both.load(asRun([policy, hostIds, hostIds.replace('"2"]', '"2","99"]'), ...many, ...again]));
  const inFile = await both.inSqlite(
    "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v_pcrs%'",
  );
  assert.deepEqual(inFile.map(({ name }) => name).sort(), views.toSorted());
  for (const view of views) {
    const rows = await both.inSqlite(`SELECT * FROM $SCHEMA.${view}`);
    const others = await both.inPostgres(`SELECT * FROM $SCHEMA.${view}`);
    assert.ok(rows.length > 0, view);
    const names = Object.keys(rows[0] as Row).filter((name) => name !== 'owner');
    const shown = Object.keys(others[0] as Row);
    assert.deepEqual(
      shown.filter((name) => names.some((one) => one.toLowerCase() === name)),
      names.map((name) => name.toLowerCase()),
      view,
    );
    assert.deepEqual(others.map(folded(names)).sort(), rows.map(folded(names)).sort(), view);
  }
  const owned = 'SELECT count(*) AS n FROM $SCHEMA.v_pcrs_failed WHERE owner IS NOT NULL';
  assert.deepEqual(
    (await both.inPostgres(owned)).map(folded(['n'])),
    (await both.inSqlite(owned)).map(folded(['n'])),
  );
});

/** A row's values as text, in the order of these names; numbers without trailing zeros. */
const folded = (names: readonly string[]) => (row: Row) => {
  const values = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value]));
  return JSON.stringify(
    names
      .filter((name) => name !== 'Row_Last_Updated')
      .map((name) => {
        const value = values.get(name.toLowerCase());
        return value === null || value === undefined
          ? null
          : String(value).replace(/\.0+$|(?<=\.\d+)0+$/, '');
      }),
  );
};

test("a schema's status of its runs equals a database's", { skip }, async () => {
  const both = new Stores();
  const source = { stage: 'pcrs-from-sqlite' };
  const run = (number: number, more: object = {}) => ({
    ...{ runId: runId.replace(/1$/, String(number)), startedAt: `2026-11-2${number}T00:00:00.000Z` },
    ...source,
    ...more,
  });
  const delta = { options: { 'evaluated-since': { value: '2026-11-20', from: 'incremental' } } };
  const narrowed = { options: { title: { value: 'PCI', from: 'flag' } } };
  const steps: [string, string[]][] = [
    ['a full run', asRun([policy, hostIds, posture(), posture({ id: 8 })], run(1))],
    ['a delta on it', asRun([policy, posture({ status: 'Passed' })], run(2, delta))],
    ['a full run that shows less', asRun([policy, hostIds, posture()], run(3))],
    ['records of no run', [posture({ id: 9 })]],
    ['a full run on these', asRun([policy, hostIds, posture()], run(4))],
    ['a delta on these', asRun([policy, posture()], run(5, delta))],
    ['a run of another scope', asRun([policy, hostIds, posture()], run(6, narrowed))],
  ];
  for (const [what, lines] of steps) {
    await both.load(lines);
    assert.deepEqual(await notesOf(both, 'inPostgres'), await notesOf(both, 'inSqlite'), what);
  }
  const filtered = new Stores();
  await filtered.load(asRun([policy, hostIds, posture(), posture({ id: 8 })], run(1)).toSpliced(4, 1));
  const notes = await notesOf(filtered, 'inPostgres');
  assert.deepEqual(notes, await notesOf(filtered, 'inSqlite'));
  assert.equal((notes['SCOPE'] as Row)['beganFiltered'], true);
});

/** The status rows, without what differs by nature: the tool's name, times, and what only a file has. */
async function notesOf(both: Stores, where: 'inPostgres' | 'inSqlite'): Promise<Record<string, unknown>> {
  const rows = await both[where](
    'SELECT STATUS_NAME AS name, STATUS_DETAIL AS detail FROM $SCHEMA.q_pcrs_status',
  );
  return Object.fromEntries(
    rows
      .map(({ name, detail }): [string, Row] => [String(name), JSON.parse(String(detail))])
      .map(([name, detail]): [string, unknown] => {
        const { LOG_WORKFLOW_DATE: _, LOG_WORKFLOW_NAME: _1, loadedAt: _2, pruned: _3, ...kept } = detail;
        if (kept['STATUS'] !== undefined) delete kept['BATCH_DATE'];
        return [name, kept];
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
