import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type SimulatorOptions, startSimulator, World } from 'pcrs-simulator';
import { toSqlite } from 'pcrs-to-sqlite';
import { type DiffOptions, openDiff } from './index.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A new empty directory, removed after the file's tests. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-diff-'));
  directories.push(directory);
  return directory;
}

export interface RunOptions {
  path?: string;
  gateway?: string;
  startedAt?: string;
  /** Flags of pcrs-policies. */
  flags?: Record<string, unknown>;
  /** The run's posture stage fails. */
  failed?: boolean;
}

/** A database of a complete run with these records. */
export async function database(
  records: Iterable<object | string>,
  options: RunOptions = {},
): Promise<string> {
  const path = options.path ?? join(emptyDirectory(), 'posture.db');
  try {
    await toSqlite(path, bytes(inRun(records, options)));
  } catch (error) {
    if (!options.failed) throw error;
  }
  return path;
}

/** A database loaded without a run. */
export async function databaseWithoutRun(records: Iterable<object | string>): Promise<string> {
  const path = join(emptyDirectory(), 'posture.db');
  await toSqlite(path, bytes(records), { allowEmpty: true });
  return path;
}

function* inRun(records: Iterable<object | string>, options: RunOptions): Generator<object | string> {
  const {
    gateway = 'https://gateway.example',
    startedAt = '2026-11-20T01:02:03Z',
    failed = false,
    flags = {},
  } = options;
  const runId = '01890000-0000-7000-8000-000000000001';
  yield {
    kind: 'session',
    runId,
    gateway,
    username: 'acme_ab1',
    tokenFile: null,
    expiresAt: null,
    startedAt,
  };
  const given = Object.fromEntries(
    Object.entries(flags).map(([name, value]) => [name, { value, from: 'flag' }]),
  );
  const stages = ['pcrs-posture', 'pcrs-hostids', 'pcrs-policies'];
  for (const stage of stages)
    yield {
      kind: 'start',
      contract: 1,
      runId,
      stage,
      version: '0.1.0',
      startedAt,
      options: stage === 'pcrs-policies' ? given : {},
    };
  let postures = 0;
  for (const record of records) {
    if (isPosture(record)) postures += 1;
    yield record;
  }
  for (const stage of stages.reverse()) {
    const ok = !(failed && stage === 'pcrs-posture');
    const error = ok ? {} : { error: { code: 'PCRS_GATEWAY', message: '503, 7 tries' } };
    const out = stage === 'pcrs-posture' ? { posture: postures } : {};
    const numbers = { status: ok ? 0 : 5, in: {}, out, requests: 1, retries: 0, bytes: 1, warnings: 0 };
    yield { kind: 'end', runId, stage, endedAt: startedAt, ok, ...numbers, ...error };
  }
}

function isPosture(record: object | string): boolean {
  const text = typeof record === 'string' ? record : JSON.stringify(record);
  return text.startsWith('{"kind":"posture"');
}

function* bytes(records: Iterable<object | string>): Generator<Uint8Array> {
  for (const record of records)
    yield Buffer.from(`${typeof record === 'string' ? record : JSON.stringify(record)}\n`);
}

/** All records of a world, as its stages write them; `forms` change them as in a simulator. */
export async function recordsOf(options: SimulatorOptions): Promise<string[]> {
  const world = new World(options);
  const tagged = (kind: string, text: string, more = '') => `{"kind":"${kind}",${more}${text.slice(1)}`;
  const simulator = await startSimulator(options);
  try {
    return [
      ...world.policies().map((text) => tagged('policy', text, `"subscriptionId":${world.subscriptionId},`)),
      ...world.policyIds().map((id) => tagged('hostids', world.hostIdsElement(id))),
      ...Array.from(simulator.posture({ evidence: 'evidence' }), (text) => tagged('posture', text)),
    ];
  } finally {
    await simulator.close();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: records as jq sees them
export type Changes = any[];

/** The changes between two databases without their postures, the postures, and the warnings. */
export async function diff(
  oldPath: string,
  newPath: string,
  options: DiffOptions = {},
): Promise<{
  changes: Changes;
  postures: Changes;
  text: string;
  warnings: string[];
  summary: Changes[number];
}> {
  const warnings: string[] = [];
  const opened = await openDiff(oldPath, newPath, {
    log: { warn: (message) => warnings.push(message) },
    ...options,
  });
  try {
    let text = '';
    for await (const lines of opened.lines()) text += lines;
    const changes = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    const postures = changes.map((change) => change.posture);
    for (const change of changes) delete change.posture;
    return { changes, postures, text, warnings, summary: JSON.parse(JSON.stringify(opened.summary(100))) };
  } finally {
    opened.close();
  }
}

export const policy = {
  kind: 'policy',
  subscriptionId: 263191,
  id: 85361,
  title: 'CIS - Microsoft Windows 11, v1.2.0',
  lastEvaluatedDate: null,
  status: 'active',
};

export const posture = {
  kind: 'posture',
  id: 23006235045,
  instance: 'os',
  policyId: 85361,
  policyTitle: 'CIS - Microsoft Windows 11, v1.2.0',
  controlId: 10091,
  controlStatement: "Status of the 'Prevent installation' setting",
  technologyId: 331,
  status: 'Failed',
  hostId: 609153601,
  ip: '192.0.2.14',
  dns: 'ws-0013',
  customerUuid: '00000000-0000-4000-8000-000000000001',
  technology: { id: 331, name: 'Windows 11' },
  criticality: { label: 'SERIOUS', value: 3 },
  evidence: null,
  currentBatch: 1,
};
