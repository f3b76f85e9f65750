import { openHistoryForReading } from 'pcrs-database/history-layout';
import type { Database } from 'pcrs-database/open';
import { codedError } from 'pcrs-records/errors';
import type { Base, Scope } from 'pcrs-records/kinds';
import { wholeSeconds } from 'pcrs-records/moments';

/** Which postures to show. */
export interface Narrowing {
  host?: string | undefined;
  control?: string | undefined;
  policies?: readonly string[] | undefined;
}

/** State of a history at one of its runs. */
export interface PastState {
  /** The run shown. */
  readonly runId: string;
  readonly startedAt: string;
  /** `full` once a full run of the scope has been added. */
  readonly base: Base;
  readonly scope: Scope;
  readonly gateway: string;
  readonly version: string | null;
  /** Reduced posture records as lines, by identity, a few hundred at a time. Throws PCRS_MACHINE. */
  blocks(): Generator<{ kind: 'posture'; lines: Buffer; count: number }>;
  close(): void;
}

/** A date without a time means its end. */
export function momentOf(at: string): string {
  const text = /^\d{4}-\d{2}-\d{2}$/.test(at) ? `${at}T23:59:59Z` : at;
  const date = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(at) || Number.isNaN(date.getTime()))
    throw new Error('must be a date like 2026-06-30 or 2026-06-30T12:00:00Z');
  return wholeSeconds(date);
}

/**
 * Opens a history at a moment: the state at the last run that started at or before it.
 *
 * Takes   moment  as `momentOf` returns it
 * Throws  PCRS_EMPTY for a moment before the first run; PCRS_RECORD for another kind of file; PCRS_USAGE,
 *         PCRS_MACHINE
 */
export async function openPast(path: string, moment: string, narrowing: Narrowing = {}): Promise<PastState> {
  const database = await openHistoryForReading(path);
  const { db } = database;
  try {
    const run = db
      .prepare(
        'SELECT run, runId, startedAt, scope, version FROM runs WHERE startedAt <= ? ORDER BY run DESC LIMIT 1',
      )
      .get(moment) as Run | undefined;
    if (run === undefined) {
      const first = db.prepare('SELECT min(startedAt) FROM runs').pluck().get();
      const since = first ? `its first run started ${first}` : 'it has no runs';
      throw codedError('PCRS_EMPTY', `${path} has no run at or before ${moment}: ${since}`);
    }
    const gateway = db.prepare("SELECT value FROM source WHERE name = 'gateway'").pluck().get() as string;
    return {
      ...{ runId: run.runId, startedAt: run.startedAt, base: baseAt(db, run), version: run.version, gateway },
      scope: JSON.parse(run.scope) as Scope,
      blocks: () =>
        blocks(db.prepare(recordsSql(narrowing)).pluck().iterate(bound(run, narrowing)) as Iterable<string>),
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

interface Run {
  run: number;
  runId: string;
  startedAt: string;
  scope: string;
  version: string | null;
}

/** Base of the state at a run: the best of the runs that made it, which are those since the last change of scope. */
function baseAt(db: Database, { run, scope }: Run): Base {
  const runs = db.prepare(`SELECT DISTINCT base FROM runs WHERE run <= :run
    AND run > (SELECT coalesce(max(run), 0) FROM runs WHERE run < :run AND scope <> :scope)`);
  const bases = runs.pluck().all({ run, scope }) as string[];
  if (bases.includes('full')) return 'full';
  return (['dated', 'delta'] as const).find((base) => bases.includes(base)) ?? 'full';
}

const linesABlock = 500;

function* blocks(lines: Iterable<string>): Generator<{ kind: 'posture'; lines: Buffer; count: number }> {
  let gathered: string[] = [];
  const block = () => ({
    kind: 'posture' as const,
    lines: Buffer.from(gathered.join('')),
    count: gathered.length,
  });
  for (const line of lines) {
    gathered.push(`${line}\n`);
    if (gathered.length < linesABlock) continue;
    yield block();
    gathered = [];
  }
  if (gathered.length > 0) yield block();
}

/** The name that was valid at the run. */
const latest = (table: string, alias: string, keys: readonly string[]) => `LEFT JOIN ${table} AS ${alias}
  ON ${keys.map((key) => `${alias}.${key} = s.${key}`).join(' AND ')} AND ${alias}.first_run = (
    SELECT max(x.first_run) FROM ${table} AS x WHERE ${keys.map((key) => `x.${key} = s.${key}`).join(' AND ')} AND x.first_run <= :run)`;

function recordsSql({ host, control, policies }: Narrowing): string {
  const wanted = [
    's.first_run <= :run AND (s.last_run IS NULL OR s.last_run >= :run)',
    ...(host === undefined ? [] : ['s.hostId = :host']),
    ...(control === undefined ? [] : ['s.controlId = :control']),
    ...(policies === undefined ? [] : ['s.policyId IN (SELECT value FROM json_each(:policies))']),
  ];
  const criticality = `CASE WHEN c.criticality_label IS NULL THEN NULL
    ELSE json_object('label', c.criticality_label, 'value', c.criticality_value) END`;
  return `SELECT json_object('kind', 'posture', 'id', s.id,
    'instance', CASE WHEN typeof(s.instance) = 'blob' THEN NULL ELSE s.instance END,
    'policyId', s.policyId, 'policyTitle', p.policyTitle, 'netBios', h.netBios, 'controlId', s.controlId,
    'controlStatement', c.controlStatement, 'technologyId', nullif(s.technologyId, 0), 'status', s.status,
    'lastEvaluatedDate', e.lastEvaluatedDate, 'hostId', s.hostId, 'ip', h.ip, 'dns', h.dns,
    'complianceLastScanDate', e.complianceLastScanDate,
    'technology', CASE WHEN c.technology_name IS NULL THEN NULL
      ELSE json_object('id', nullif(s.technologyId, 0), 'name', c.technology_name) END,
    'criticality', json(${criticality}), 'asOfRun', :runId)
  FROM spans AS s
  ${latest('policies', 'p', ['policyId'])}
  ${latest('hosts', 'h', ['hostId'])}
  ${latest('controls', 'c', ['policyId', 'controlId', 'technologyId'])}
  ${latest('evaluations', 'e', ['policyId', 'hostId'])}
  WHERE ${wanted.join(' AND ')} ORDER BY s.policyId, s.hostId, s.controlId, s.technologyId, s.instance`;
}

function bound({ run, runId }: Run, { host, control, policies }: Narrowing): object {
  return {
    ...{ run, runId },
    ...(host === undefined ? {} : { host: BigInt(host) }),
    ...(control === undefined ? {} : { control: BigInt(control) }),
    ...(policies === undefined ? {} : { policies: `[${policies.map((id) => BigInt(id)).join()}]` }),
  };
}
