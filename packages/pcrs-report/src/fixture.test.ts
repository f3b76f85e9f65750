import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after } from 'node:test';
import { toHistory } from 'pcrs-to-history';
import { toSqlite } from 'pcrs-to-sqlite';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new empty directory, removed after the file's tests. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-report-'));
  directories.push(directory);
  return directory;
}

const stages = ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'];

/**
 * A snapshot of a run on a day in November 2026 with these records; its posture stage failed if `failed` gives a
 * reason.
 */
export async function snapshot(
  directory: string,
  day: number,
  records: Iterable<object>,
  failed?: string,
): Promise<string> {
  const date = `202611${String(day).padStart(2, '0')}`;
  const path = join(directory, `pcrs_${date}T053000Z.db`);
  await toSqlite(path, lines(inRun(records, startOf(day), failed))).catch((error) => {
    if (failed === undefined) throw error;
  });
  return path;
}

/** Adds the run of a day's `snapshot` to a history. */
export async function addToHistory(history: string, day: number, records: Iterable<object>): Promise<void> {
  await Array.fromAsync(toHistory(history, Readable.from(lines(inRun(records, startOf(day), undefined)))));
}

function startOf(day: number): string {
  return `2026-11-${String(day).padStart(2, '0')}T05:30:00Z`;
}

function* inRun(records: Iterable<object>, startedAt: string, failed: string | undefined): Generator<object> {
  const runId = `01890000-0000-7000-8000-0000${startedAt.slice(0, 10).replaceAll('-', '')}`;
  const session = { username: 'acme_ab1', tokenFile: null, expiresAt: null, startedAt };
  yield { kind: 'session', runId, gateway: 'https://gateway.example', ...session };
  for (const stage of stages.toReversed())
    yield { kind: 'start', contract: 1, runId, stage, version: '0.1.0', startedAt, options: {} };
  let postures = 0;
  for (const record of records) {
    if ((record as { kind?: string }).kind === 'posture') postures += 1;
    yield record;
  }
  for (const stage of stages) {
    const isBroken = failed !== undefined && stage === 'pcrs-posture';
    const out = stage === 'pcrs-posture' ? { posture: postures } : {};
    const numbers = { in: {}, out, requests: 1, retries: 0, bytes: 1, warnings: 0 };
    const error = isBroken ? { error: { code: 'PCRS_GATEWAY', message: failed } } : {};
    yield {
      ...{ kind: 'end', runId, stage, endedAt: startedAt, ok: !isBroken, status: isBroken ? 5 : 0 },
      ...numbers,
      ...error,
    };
  }
}

function* lines(records: Iterable<object>): Generator<Uint8Array> {
  for (const record of records) yield Buffer.from(`${JSON.stringify(record)}\n`);
}

const criticalities = ['MINIMAL', 'MEDIUM', 'SERIOUS', 'CRITICAL', 'URGENT'];

/** A posture record; omitted members get plain values. */
export function posture(
  given: Record<string, unknown> & { policyId: number; hostId: number; controlId: number },
) {
  const value = (given.controlId % 5) + 1;
  return {
    kind: 'posture',
    id: given.policyId * 1_000_000 + given.hostId * 1000 + given.controlId,
    instance: 'os',
    policyTitle: `Policy ${given.policyId}`,
    controlStatement: `Status of the setting ${given.controlId}`,
    rationale: 'Why it matters.',
    remediation: 'Set it.',
    technologyId: 331,
    status: 'Passed',
    firstFailDate: '',
    lastPassDate: '',
    complianceLastScanDate: '2026-11-20T00:00:00Z',
    ip: `192.0.2.${given.hostId % 250}`,
    dns: `host-${given.hostId}.example`,
    os: 'Windows 11',
    technology: { id: 331, name: 'Windows 11' },
    criticality: { label: criticalities[value - 1], value },
    evidence: null,
    ...given,
  };
}
