import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { toSqlite } from 'pcrs-to-sqlite';
import { openSource, type SourceOptions } from './index.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

export function newDatabase(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pcrs-from-sqlite-'));
  directories.push(directory);
  return join(directory, 'posture.db');
}

/** Loads lines; accepts an incomplete run. */
export async function load(path: string, lines: readonly string[]): Promise<void> {
  const chunks = (function* () {
    for (const line of lines) yield Buffer.from(`${line}\n`);
  })();
  await toSqlite(path, chunks).catch((error: { code?: string }) => {
    if (error.code !== 'PCRS_INCOMPLETE') throw error;
  });
}

/** All lines of a source, and its run. */
export async function read(path: string, options: SourceOptions = {}) {
  const source = await openSource(path, options);
  try {
    const lines: string[] = [];
    let counted = 0;
    for await (const block of source.blocks()) {
      lines.push(...block.lines.toString().split('\n').slice(0, -1));
      counted += block.count;
    }
    return { lines, run: source.run, incomplete: source.incomplete, counted };
  } finally {
    source.close();
  }
}

export const runId = '01890000-0000-7000-8000-000000000001';
const startedAt = '2026-11-20T01:02:03.456Z';

/** Wraps lines in a run of pcrs-posture alone. */
export function asRun(lines: readonly string[], options: object = {}, ok = true): string[] {
  const session = {
    kind: 'session',
    runId,
    gateway: 'https://gateway.example',
    username: 'acme_ab1',
    startedAt,
  };
  const of = { runId, stage: 'pcrs-posture' };
  const start = { kind: 'start', contract: 1, ...of, version: '0.1.0', startedAt, options };
  const out: Record<string, number> = {};
  for (const { kind } of lines.map((line) => JSON.parse(line))) out[kind] = (out[kind] ?? 0) + 1;
  const counts = { in: {}, out, requests: 0, retries: 0, bytes: 0, warnings: 0 };
  const end = { kind: 'end', ...of, endedAt: startedAt, ok, status: ok ? 0 : 5, ...counts };
  return [JSON.stringify(session), JSON.stringify(start), ...lines, JSON.stringify(end)];
}
