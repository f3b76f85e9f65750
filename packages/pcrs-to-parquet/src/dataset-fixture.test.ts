// Shared by this package's tests: runs, and two independent readers.
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { type ParquetOptions, toParquet } from './index.ts';

export type Json = Record<string, unknown>;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'pcrs-lake-'));
  folders.push(made);
  return join(made, 'lake');
}

interface RunOptions {
  runId?: string;
  startedAt?: string;
  start?: Json;
  end?: Json | null;
}

/** The lines of a run whose only stage made its postures. */
export function runLines(records: readonly (Json | string)[], run: RunOptions = {}): string[] {
  const { runId = 'r1', startedAt = '2026-11-28T05:30:00Z', start = {}, end = {} } = run;
  const out: Record<string, number> = {};
  const lines = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
  for (const line of lines) {
    const { kind } = JSON.parse(line.startsWith('{') ? line : '{}');
    if (kind) out[kind] = (out[kind] ?? 0) + 1;
  }
  const stage = { contract: 2, runId, startId: `s-${runId}`, stage: 'pcrs-posture' };
  return [
    JSON.stringify({ kind: 'session', runId, gateway: 'https://gateway.example.com', startedAt }),
    JSON.stringify({ kind: 'start', ...stage, startedAt, options: {}, scope: {}, base: 'full', ...start }),
    ...lines,
    ...(end === null
      ? []
      : [JSON.stringify({ kind: 'end', ...stage, ok: true, status: 0, in: {}, out, ...end })]),
  ];
}

export const hostids = { kind: 'hostids', policyId: '7', subscriptionId: '94271', hostIds: ['11', '12'] };

export function posture(changed: Json = {}): Json {
  return {
    ...{ kind: 'posture', id: 20000016420, instance: 'os', policyId: 7, policyTitle: 'CIS', hostId: 11 },
    ...{ controlId: 1080, controlStatement: 'Status of ä', technologyId: 285, status: 'Failed' },
    ...changed,
  };
}

export async function write(dir: string, lines: readonly string[], options: ParquetOptions = {}) {
  return toParquet(dir, [Buffer.from(`${lines.join('\n')}\n`)], options);
}

/** DuckDB's result of a query; integers as digits. */
export async function duckdb(query: string): Promise<Json[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(query)).getRowObjectsJson() as Json[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

export const filesOf = (dir: string, table: string): string[] =>
  globSync(`${table}/subscription=*/snapshot_date=*/run=*/*.parquet`, { cwd: dir })
    .sort()
    .map((path) => join(dir, path));

const compressors = { ZSTD: (input: Uint8Array) => zstdDecompressSync(input) };

function bufferOf(path: string): ArrayBuffer {
  const bytes = readFileSync(path);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
}

/** hyparquet's rows of a file; integers as digits. */
export async function hyparquet(path: string): Promise<Json[]> {
  const rows = await parquetReadObjects({ file: bufferOf(path), compressors });
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        typeof value === 'bigint' ? String(value) : (value ?? null),
      ]),
    ),
  );
}

export function metadataOf(path: string) {
  return parquetMetadata(bufferOf(path));
}

export function footer(path: string): Record<string, string | undefined> {
  return Object.fromEntries(
    (metadataOf(path).key_value_metadata ?? []).map(({ key, value }) => [key, value]),
  );
}

/** False claims in `_SUCCESS` files. */
export function lies(dir: string): string[] {
  return globSync('**/_SUCCESS', { cwd: dir }).flatMap((path) => {
    const success = JSON.parse(readFileSync(join(dir, path), 'utf8'));
    return success.files.flatMap(
      ({ file, bytes, sha256 }: { file: string; bytes: number; sha256: string }) => {
        const content = readFileSync(join(dir, dirname(path), file));
        const sum = createHash('sha256').update(content).digest('hex');
        return sum === sha256 && content.length === bytes ? [] : [`${path}: ${file}`];
      },
    );
  });
}
