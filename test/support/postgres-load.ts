import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { Made } from 'pcrs-cli/made';
import { type LoadOptions, toPostgres, toScript } from 'pcrs-to-postgres';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

const { Client } = createRequire(new URL('../../packages/pcrs-to-postgres/package.json', import.meta.url))(
  'pg',
);

/** The server of a test file; undefined if there is none (an error in CI). */
export async function openPostgres(settings?: readonly string[]): Promise<PostgresServer | undefined> {
  const server = await startPostgres(settings);
  after(() => server?.stop());
  return server;
}

/** Why a test that needs a server, or psql too, is skipped. */
export function lacking(server: PostgresServer | undefined, program?: 'psql'): string | false {
  if (server === undefined) return 'no PostgreSQL on this machine';
  return program && server.psql === undefined ? 'no psql on this machine' : false;
}

export type Row = Record<string, unknown>;

/** Runs one query or statement. */
export async function query(server: PostgresServer, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = await connected(server);
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

export interface TestClient {
  query(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  end(): Promise<void>;
  on(event: 'error', act: () => void): void;
}

export async function connected(server: PostgresServer, more: object = {}): Promise<TestClient> {
  const client = new Client({
    host: server.env.PGHOST,
    user: server.env.PGUSER,
    database: server.env.PGDATABASE,
    ...more,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

export function* chunks(lines: readonly string[], linesAChunk = 50): Generator<Uint8Array> {
  for (let at = 0; at < lines.length; at += linesAChunk) {
    yield Buffer.from(
      lines
        .slice(at, at + linesAChunk)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }
}

type Stream = AsyncIterable<Uint8Array>;

export const asStream = (lines: readonly string[]): Stream => chunks(lines) as unknown as Stream;

/** Loads lines over a connection. */
export function load(
  server: PostgresServer,
  schema: string,
  lines: readonly string[],
  options: Partial<LoadOptions> = {},
) {
  const { PGHOST: host, PGUSER: user, PGDATABASE: database } = server.env;
  return toPostgres({ host, user, database }, asStream(lines), { schema, lockTimeoutMs: 5000, ...options });
}

/** The script for lines, and how writing it ended. */
export async function script(schema: string, lines: readonly string[], options: Partial<LoadOptions> = {}) {
  const parts: Buffer[] = [];
  const take = (part: string | Buffer): undefined => {
    parts.push(Buffer.from(part));
  };
  let error: { code?: string; message: string } | undefined;
  try {
    await toScript(asStream(lines), take, { schema, lockTimeoutMs: 5000, ...options });
  } catch (thrown) {
    error = thrown as Error;
  }
  return { text: Buffer.concat(parts), error };
}

/** Gives a script to psql. */
export async function psql(server: PostgresServer, input: Buffer, ...args: string[]) {
  const child = spawn(server.psql as string, ['-X', ...args], {
    env: { PATH: process.env['PATH'], ...server.env } as NodeJS.ProcessEnv,
  });
  let stderr = '';
  let stdout = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status] = await new Promise<[number | null]>((resolve) =>
    child.on('close', (code) => resolve([code])),
  );
  return { status, stderr, stdout };
}

export const runId = '01890000-0000-7000-8000-000000000001';
const startedAt = '2026-11-20T01:02:03.456Z';

export interface RunOptions {
  runId?: string;
  startedAt?: string;
  ok?: boolean;
  options?: object;
  gateway?: string;
  stage?: string;
}

/** Lines as a run of one stage that makes everything. */
export function asRun(lines: readonly string[], more: RunOptions = {}): string[] {
  const { ok = true, options = {}, gateway = 'https://gateway.example', stage = 'pcrs-policies' } = more;
  const id = more.runId ?? runId;
  const began = more.startedAt ?? startedAt;
  const session = { kind: 'session', runId: id, gateway, username: 'acme_ab1', startedAt: began };
  const of = { runId: id, startId: id.replace(/^0/, '1'), stage };
  const start = { kind: 'start', contract: 2, ...of, version: '0.1.0', startedAt: began, options };
  const made = new Made();
  for (const line of lines.filter((one) => one.startsWith('{'))) made.add(JSON.parse(line).kind, `${line}\n`);
  const counts = { in: {}, out: made.out, sums: made.sums, requests: 0, retries: 0, bytes: 0, warnings: 0 };
  const error = ok
    ? {}
    : { error: { code: 'PCRS_GATEWAY', message: "503 'quoted' \\ $pcrs$; DROP TABLE x" } };
  const end = { kind: 'end', ...of, endedAt: began, ok, status: ok ? 0 : 5, ...counts, ...error };
  return [JSON.stringify(session), JSON.stringify(start), ...lines, JSON.stringify(end)];
}

export const policy =
  '{"kind":"policy","subscriptionId":263191,"id":85361,"title":"CIS - Microsoft Windows 11, v1.2.0","status":"active","locked":0}';
export const hostIds = '{"kind":"hostids","policyId":"85361","subscriptionId":"263191","hostIds":["1","2"]}';

/** A posture with the required members, and others. */
export function posture(members: object = {}, more = ''): string {
  const text = JSON.stringify({
    kind: 'posture',
    id: 7,
    policyId: 85361,
    hostId: 1,
    controlId: 5,
    technologyId: 331,
    status: 'Failed',
    ...members,
  });
  return more === '' ? text : `${text.slice(0, -1)},${more}}`;
}
