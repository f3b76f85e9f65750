import { codedError } from './errors.ts';

/** A JSON object of the stream; member names are the gateway's own. */
export type JsonObject = Record<string, unknown>;

/** Record counts by kind. */
export type Counts = Record<string, number>;

/** Opens a run. The only record that names the gateway and the token file. Never holds a secret. */
export interface Session {
  kind: 'session';
  /** UUID v7. */
  runId: string;
  /** Base URL. */
  gateway: string;
  username: string | null;
  tokenFile: string | null;
  expiresAt: string | null;
  /** ISO 8601, UTC. */
  startedAt: string;
}

/** Narrowing flags of a stage, as written: `"pcrs-policies --title"` → `PCI`. Empty: everything. */
export type Scope = Readonly<Record<string, unknown>>;

/**
 * How much of its scope a run asks for. `full`: all of it. `delta`: what changed since an earlier run
 * (`--incremental` added a date). `dated`: what the user's date flag selects.
 */
export type Base = 'full' | 'delta' | 'dated';

/** First record of a stage in a run, right after the session. */
export interface Start {
  kind: 'start';
  contract: 1 | 2;
  runId: string;
  /** UUID of the process; absent in contract 1. */
  startId?: string;
  stage: string;
  version: string;
  startedAt: string;
  /** The flags in force and the origin of each; no secrets. */
  options: Record<string, { value: unknown; from: string }>;
  /** Absent in contract 1, like `base`; `pcrs-records/scope` derives both from the options. */
  scope?: Scope;
  base?: Base;
  /** Set by a source that writes part of a run: that run's id. */
  of?: string;
  /** Set by `pcrs-diff`: the older run. */
  since?: string;
  /** Set by `pcrs-from-history`: the moment shown. Its records hold only some of their members. */
  asOf?: string;
  reduced?: true;
  /** Set by a source: whether the stored run asked for evidence. */
  evidence?: boolean;
}

/** Last record of a stage in a run, also when the stage fails. */
export interface End {
  kind: 'end';
  runId: string | null;
  /** That of its `start`; absent in contract 1, and if the stage failed before its start. */
  startId?: string;
  stage: string;
  endedAt: string;
  ok: boolean;
  /** Exit status. */
  status: number;
  /** Input records by kind. */
  in: Counts;
  /** Output records by kind, without forwarded records. */
  out: Counts;
  /**
   * Checksums by kind, as decimal text: the sum modulo 2^53 of the CRC-32 of each output line, line feed
   * excluded.
   */
  sums?: Record<string, string>;
  requests: number;
  retries: number;
  bytes: number;
  warnings: number;
  slices?: SliceCounts;
  error?: { code: string; message: string };
}

/** Outcome of the slices that `pcrs-posture` planned. */
export interface SliceCounts {
  planned: number;
  fetched: number;
  replayed: number;
  failed: number;
  notAsked: number;
  /** At most 1000. */
  missing: MissingSlice[];
  /** Records whose policy and host their slice did not ask for. */
  foreign: number;
}

export interface MissingSlice {
  policies: string[];
  hosts: number;
  firstHostId: string;
  error: string;
}

/** One gateway response to `pcrs-posture`, written after its records in a run. */
export interface Slice {
  kind: 'slice';
  number: number;
  key: string;
  policies: string[];
  hosts: number;
  records: number;
  /** Of the body as received. */
  bytes: number;
  sha256: string;
  /** Name in the archive; null without one. */
  file: string | null;
}

/** Kinds whose members are the gateway's own. */
export const gatewayKinds = ['policy', 'hostids', 'posture'] as const;
export type GatewayKind = (typeof gatewayKinds)[number];

/** Kinds that the suite itself writes. */
export const suiteKinds = [
  'session',
  'start',
  'slice',
  'end',
  'loaded',
  'written',
  'listening',
  'token',
  'plan',
  'change',
  'change-summary',
  'status',
] as const;

/** Kind of the records that each stage makes. */
export const madeBy: Readonly<Record<string, GatewayKind>> = {
  'pcrs-policies': 'policy',
  'pcrs-hostids': 'hostids',
  'pcrs-posture': 'posture',
};

/** Kind of an object that has no `kind` member, by its shape; undefined if unknown. */
export function kindByShape(value: JsonObject): GatewayKind | undefined {
  if ('hostIds' in value) return 'hostids';
  if ('controlId' in value) return 'posture';
  if ('title' in value && 'lastEvaluatedDate' in value) return 'policy';
  return undefined;
}

/** Whether a parsed JSON value is an object (not null, not an array, not a number kept as text). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** The JSON object in a text; undefined for anything else. */
export function parsedObject(text: unknown): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(String(text));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A session as a stage needs it.
 *
 * Throws  a sentence naming the wrong member
 */
export function parseSession(value: JsonObject): Session {
  for (const name of ['runId', 'gateway', 'startedAt']) {
    if (typeof value[name] !== 'string' || value[name] === '') {
      throw new Error(
        `the session's ${name} must be a string, got ${JSON.stringify(value[name]) ?? 'nothing'}`,
      );
    }
  }
  if (Number.isNaN(Date.parse(value['startedAt'] as string))) {
    throw new Error(`the session's startedAt must be a date, got ${JSON.stringify(value['startedAt'])}`);
  }
  const text = (name: string) => (typeof value[name] === 'string' ? (value[name] as string) : null);
  return {
    kind: 'session',
    runId: value['runId'] as string,
    gateway: value['gateway'] as string,
    username: text('username'),
    tokenFile: text('tokenFile'),
    expiresAt: text('expiresAt'),
    startedAt: value['startedAt'] as string,
  };
}

/** A session from a line of stdin. Throws PCRS_RECORD. */
export function sessionAt(line: number, value: JsonObject): Session {
  try {
    return parseSession(value);
  } catch (error) {
    throw codedError('PCRS_RECORD', `stdin:${line}: ${(error as Error).message}`);
  }
}
