import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type Added, type HistoryOptions, toHistory } from './index.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** The path of a history that does not exist yet. */
export function newHistory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-history-'));
  directories.push(directory);
  return join(directory, 'history.db');
}

export interface RunOptions extends HistoryOptions {
  /** Flags of pcrs-policies. */
  flags?: Record<string, { value: unknown; from: string }>;
  failed?: boolean;
  /** Counted as made, but not sent on. */
  filtered?: number;
  gateway?: string;
}

/** Adds a run of a day (`2026-11-01`, or a whole moment) with these posture records. */
export async function add(
  path: string,
  day: string,
  postures: Iterable<object | string>,
  options: RunOptions = {},
): Promise<Added> {
  const [added] = await Array.fromAsync(toHistory(path, bytes(run(day, postures, options)), options));
  return added!;
}

/** Adds several runs as one stream; yields the results, and the error if not all were added. */
export async function addStream(
  path: string,
  ...runs: Iterable<object | string>[]
): Promise<{ added: Added[]; failure: Error | undefined }> {
  const added: Added[] = [];
  try {
    for await (const one of toHistory(path, bytes(runs.flatMap((records) => [...records])))) added.push(one);
  } catch (error) {
    return { added, failure: error as Error };
  }
  return { added, failure: undefined };
}

async function* bytes(records: Iterable<object | string>): AsyncGenerator<Uint8Array> {
  for (const record of records)
    yield Buffer.from(`${typeof record === 'string' ? record : JSON.stringify(record)}\n`);
}

/** The records of a run of a day. */
export function* run(
  day: string,
  postures: Iterable<object | string>,
  options: RunOptions = {},
): Generator<object | string> {
  const startedAt = day.length === 10 ? `${day}T05:00:00Z` : day;
  const runId = `01890000-0000-7000-8000-${startedAt.replace(/\D/g, '').slice(0, 12)}`;
  const { flags = {}, failed = false, filtered = 0, gateway = 'https://gateway.example' } = options;
  yield { kind: 'session', runId, gateway, username: 'u', tokenFile: null, expiresAt: null, startedAt };
  const start = { kind: 'start', contract: 1, runId, version: '0.1.0', startedAt };
  yield { ...start, stage: 'pcrs-posture', options: {} };
  yield { ...start, stage: 'pcrs-policies', options: flags };
  let count = 0;
  for (const posture of postures) {
    count += 1;
    yield posture;
  }
  const end = {
    kind: 'end',
    runId,
    endedAt: startedAt,
    in: {},
    requests: 1,
    retries: 0,
    bytes: 1,
    warnings: 0,
  };
  yield { ...end, stage: 'pcrs-policies', ok: true, status: 0, out: {} };
  const error = { code: 'PCRS_GATEWAY', message: '503' };
  yield {
    ...end,
    stage: 'pcrs-posture',
    ok: !failed,
    status: failed ? 5 : 0,
    out: { posture: count + filtered },
    ...(failed && { error }),
  };
}

/** A posture of policy 1; `key` is `host/control`. */
export function posture(key: string, status: string, more: object = {}): object {
  const [hostId, controlId] = key.split('/').map(Number);
  return {
    ...{
      kind: 'posture',
      id: Number(`${hostId}${controlId}`),
      instance: 'os',
      policyId: 1,
      hostId,
      controlId,
      technologyId: 3,
      status,
    },
    ...{
      policyTitle: 'Policy 1',
      controlStatement: `Control ${controlId}`,
      dns: `host-${hostId}`,
      ip: '192.0.2.1',
    },
    ...{ technology: { id: 3, name: 'Linux' }, criticality: { label: 'URGENT', value: 5 } },
    ...{ firstFailDate: '', lastPassDate: '', ...more },
  };
}

/** Rows of a query in a history. */
// biome-ignore lint/suspicious/noExplicitAny: rows as SQL gives them
export function query(path: string, sql: string): any[] {
  const db = new Sqlite(path, { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** `status first–last ended` of each span of a posture, runs by number. */
export function spans(path: string, key: string): string[] {
  const [hostId, controlId] = key.split('/');
  return query(
    path,
    `SELECT * FROM spans WHERE hostId = ${hostId} AND controlId = ${controlId} ORDER BY policyId, first_run`,
  ).map(
    ({ status, first_run, last_run, ended }) => `${status} ${first_run}–${last_run ?? ''} ${ended ?? 'open'}`,
  );
}
