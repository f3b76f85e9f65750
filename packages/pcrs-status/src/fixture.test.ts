import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type SqliteOptions, type Target, toSqlite } from 'pcrs-to-sqlite';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new empty directory, removed after the file's tests. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-status-'));
  directories.push(directory);
  return directory;
}

export function newDatabase(): string {
  return join(emptyDirectory(), 'posture.db');
}

/** Loads records, whatever the outcome; returns the database's path. */
export async function load(
  target: Target,
  records: readonly object[],
  options: SqliteOptions = {},
): Promise<void> {
  await toSqlite(target, bytes(records), options).catch((error: { code?: string }) => {
    if (!error.code?.startsWith('PCRS_')) throw error;
  });
}

export function* bytes(records: readonly object[]): Generator<Uint8Array> {
  for (const record of records) yield Buffer.from(`${JSON.stringify(record)}\n`);
}

export const startedAt = '2026-11-20T01:02:03.456Z';
const runId = '01890000-0000-7000-8000-000000000001';

export const records: readonly object[] = [
  {
    ...{ kind: 'policy', subscriptionId: 263191, id: 85361, title: 'CIS - Microsoft Windows 11, v1.2.0' },
    lastEvaluatedDate: null,
  },
  { kind: 'hostids', policyId: '85361', subscriptionId: '263191', hostIds: ['1', '2'] },
  {
    kind: 'posture',
    id: 7,
    policyId: 85361,
    hostId: 1,
    controlId: 10091,
    technologyId: 331,
    status: 'Failed',
  },
];

export interface RunOptions {
  startedAt?: string;
  options?: Record<string, unknown>;
  /** Replaces the records of `records`. */
  came?: readonly object[];
  /** Members of the ends of stages, by stage; null if the stage broke off. */
  ends?: Record<string, object | null>;
}

/** A run around the records, with counts for all of `records`. */
export function run(more: RunOptions = {}): object[] {
  const { options = {}, ends = {}, came = records } = more;
  const began = more.startedAt ?? startedAt;
  const id = began === startedAt ? runId : runId.replace(/1$/, '2');
  const flags = Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, { value, from: 'flag' }]),
  );
  const opening = ['pcrs-posture', 'pcrs-hostids', 'pcrs-policies'].map((stage) => ({
    ...{ kind: 'start', contract: 1, runId: id, stage, version: '0.1.0', startedAt: began },
    options: stage === 'pcrs-policies' ? flags : {},
  }));
  const postures = came.filter((one) => 'controlId' in one).length;
  const counts = {
    'pcrs-policies': { in: {}, out: { policy: 1 } },
    'pcrs-hostids': { in: { policy: 1 }, out: { hostids: 1 } },
    'pcrs-posture': { in: { hostids: 1 }, out: { posture: Math.max(1, postures) } },
  };
  const closing = Object.entries(counts).flatMap(([stage, count]) =>
    ends[stage] === null
      ? []
      : [
          {
            ...{ kind: 'end', runId: id, stage, endedAt: '2026-11-20T01:12:03Z', ok: true, status: 0 },
            ...{ ...count, requests: 3, retries: 1, bytes: 1, warnings: 0 },
            ...ends[stage],
          },
        ],
  );
  return [
    {
      ...{ kind: 'session', runId: id, gateway: 'https://gateway.example', username: 'acme_ab1' },
      ...{ tokenFile: null, expiresAt: null, startedAt: began },
    },
    ...opening,
    ...came,
    ...closing,
  ];
}

/** The end of a posture stage that could not get everything. */
export const failedPosture = {
  ...{ ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: '503, 7 tries' } },
  slices: {
    ...{ planned: 4, fetched: 2, replayed: 0, failed: 1, notAsked: 1 },
    missing: [{ policies: ['85361'], hosts: 20, firstHostId: '118772', error: '503, 7 tries' }],
  },
};
