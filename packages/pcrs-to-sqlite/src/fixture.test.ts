import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type Loaded, type SqliteOptions, type Target, toSqlite } from './index.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new empty directory, removed after the file's tests. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-to-sqlite-'));
  directories.push(directory);
  return directory;
}

export function newDatabase(): string {
  return join(emptyDirectory(), 'posture.db');
}

/** Lines of a stream: texts as they are, objects as JSON. */
export function lines(...records: (object | string)[]): Uint8Array[] {
  const text = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
  return [Buffer.from(text.map((line) => `${line}\n`).join(''))];
}

/** A text as the loader scans it: each character is one byte of its UTF-8. */
export function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

export async function load(
  target: Target,
  records: (object | string)[],
  options: SqliteOptions = {},
): Promise<Loaded> {
  return await toSqlite(target, lines(...records), options);
}

/** Rows of a query, integers exact. */
export function query(path: string, sql: string, ...params: unknown[]): Record<string, unknown>[] {
  const db = new Sqlite(path, { readonly: true });
  try {
    return db
      .prepare(sql)
      .safeIntegers()
      .all(...params) as Record<string, unknown>[];
  } finally {
    db.close();
  }
}

/** `typeof:quote` of each column of a table's only row. */
export function golden(path: string, table: string): Record<string, string> {
  const names = query(path, `SELECT name FROM pragma_table_info(?)`, table).map(({ name }) => String(name));
  const columns = names.map((name) => {
    const column = `"${name.replaceAll('"', '""')}"`;
    return `typeof(${column}) || ':' || quote(${column}) AS ${column}`;
  });
  const rows = query(path, `SELECT ${columns.join(', ')} FROM ${table}`);
  if (rows.length !== 1) throw new Error(`${table} has ${rows.length} rows`);
  return rows[0] as Record<string, string>;
}

/** Everything in the data tables. */
export function contents(path: string): Record<string, unknown>[] {
  return [
    'q_pcrs_policy_list',
    'q_pcrs_hostids',
    'q_pcrs_postureinfo',
    'q_pcrs_postureinfo_controls',
  ].flatMap((table) =>
    query(path, `SELECT '${table}' AS "table", rowid AS row, * FROM ${table} ORDER BY rowid`),
  );
}

/** The row of `q_pcrs_status` with a name. */
export function status(path: string, name: string): Record<string, unknown> | undefined {
  const row = query(path, 'SELECT STATUS_DETAIL FROM q_pcrs_status WHERE STATUS_NAME = ?', name)[0];
  return row && JSON.parse(String(row['STATUS_DETAIL']));
}

export const policy = {
  kind: 'policy',
  subscriptionId: 263191,
  id: 85361,
  title: 'CIS - Microsoft Windows 11, v1.2.0',
  createdBy: 'acme_TZ1',
  createdDate: '2013-11-19T18:03:37Z',
  modifiedBy: 'acme_ab2',
  modifiedDate: '2014-03-27T03:24:24.5Z',
  lastEvaluatedDate: null,
  status: 'active',
  locked: 0,
};

export const hostIds = {
  kind: 'hostids',
  policyId: '85361',
  subscriptionId: '263191',
  hostIds: ['609153601', '609153602'],
};

export const posture = {
  kind: 'posture',
  id: 23006235045,
  instance: 'os',
  policyId: 85361,
  policyTitle: 'CIS - Microsoft Windows 11, v1.2.0',
  netBios: 'WS-0013',
  controlId: 10091,
  controlStatement: "Status of the 'Prevent installation' setting",
  rationale: 'Long text …',
  remediation: 'Two\n\nlines and \\ back slashes',
  controlReference: '18.8.7.1.2',
  technologyId: 331,
  status: 'Failed',
  previousStatus: 'Passed',
  firstFailDate: '2023-05-17T08:41:36Z',
  lastFailDate: '2023-09-15T09:16:33.25Z',
  firstPassDate: '',
  lastPassDate: null,
  postureModifiedDate: '2023-05-17T08:41:36Z',
  lastEvaluatedDate: '2023-09-15T09:16:33Z',
  created: '2023-09-15T11:17:02Z',
  hostId: 609153601,
  ip: '192.0.2.14',
  trackingMethod: 'AGENT',
  os: 'Windows 11 Pro',
  osCpe: 'cpe:/o:microsoft:windows_10:2009::x64:',
  domainName: 'ws-0013',
  dns: 'ws-0013',
  qgHostid: '00000000-0000-4000-8000-000000000013',
  networkId: 0,
  networkName: 'Global Default Network',
  complianceLastScanDate: '2023-09-15T09:08:00Z',
  customerUuid: '00000000-0000-4000-8000-000000000001',
  customerId: '0094271',
  assetId: 862583197,
  technology: { id: 331, name: 'Windows 11' },
  criticality: { label: 'SERIOUS', value: 3 },
  evidence: { expectedValues: '^(1|2)$', currentValues: ['0'], extended: { n: 1.5 } },
  causeOfFailure: { missing: '', unexpected: '0' },
  currentDataSizeKB: '2.240',
  totalDataSizeKB: '7.23',
  currentBatch: 3,
  totalBatches: 3,
  CLOUD_RESOURCE_ID: null,
};

const runId = '01890000-0000-7000-8000-000000000001';

export function session(more: object = {}): Record<string, unknown> {
  return {
    kind: 'session',
    runId,
    gateway: 'https://gateway.example',
    username: 'acme_ab1',
    tokenFile: null,
    expiresAt: null,
    startedAt: '2026-11-20T01:02:03.456Z',
    ...more,
  };
}

export function start(stage: string, options: Record<string, unknown> = {}): Record<string, unknown> {
  const given = Object.entries(options).map(([name, value]) => [name, { value, from: 'flag' }]);
  return {
    kind: 'start',
    contract: 1,
    runId,
    stage,
    version: '0.1.0',
    startedAt: '2026-11-20T01:02:04Z',
    options: Object.fromEntries(given),
  };
}

export function end(stage: string, more: object = {}): Record<string, unknown> {
  return {
    kind: 'end',
    runId,
    stage,
    endedAt: '2026-11-20T01:12:03Z',
    ok: true,
    status: 0,
    in: {},
    out: {},
    requests: 1,
    retries: 0,
    bytes: 1,
    warnings: 0,
    ...more,
  };
}

/** A complete run around these records, with correct counts; `options` are the flags of pcrs-posture. */
export function run(
  records: readonly (object | string)[],
  options: Record<string, unknown> = {},
): (object | string)[] {
  const kinds = records.map((record) =>
    String((typeof record === 'string' ? JSON.parse(record) : record).kind),
  );
  const of = (kind: string) => kinds.filter((one) => one === kind).length;
  return [
    session(),
    start('pcrs-posture', options),
    start('pcrs-hostids'),
    start('pcrs-policies'),
    ...records,
    end('pcrs-policies', { out: { policy: of('policy') } }),
    end('pcrs-hostids', { in: { policy: of('policy') }, out: { hostids: of('hostids') } }),
    end('pcrs-posture', {
      in: { hostids: of('hostids') },
      out: { posture: of('posture'), slice: of('slice') },
    }),
  ];
}

/** Another complete run, begun on a day of November 2026, with flags of pcrs-policies. */
export function runOn(
  day: number,
  records: readonly (object | string)[],
  options: Record<string, unknown> = {},
  ofSession: object = {},
): Record<string, unknown>[] {
  const ofRun = { runId: `01890000-0000-7000-8000-0000000000${String(day).padStart(2, '0')}` };
  return run(records)
    .with(3, start('pcrs-policies', options))
    .map((record) => record as Record<string, unknown>)
    .map((record) => ('runId' in record ? { ...record, ...ofRun } : record))
    .with(
      0,
      session({ ...ofRun, startedAt: `2026-11-${String(day).padStart(2, '0')}T03:00:00Z`, ...ofSession }),
    );
}
