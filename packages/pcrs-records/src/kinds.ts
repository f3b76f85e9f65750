/** A JSON object as it travels: member names are the gateway's own. */
export type JsonObject = Record<string, unknown>;

/** Records counted by kind. */
export type Counts = Record<string, number>;

/** Opens a run; the only record that tells where the gateway and the token file are. Never holds a secret. */
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

/** The flags by which a stage asks for less than all there is, as written: `"pcrs-policies --title"` → `PCI`. */
export type Scope = Readonly<Record<string, unknown>>;

/**
 * How much of its scope a run asks for: all of it, what changed since an earlier run (a date that `--incremental`
 * added), or what a date of the user's leaves.
 */
export type Base = 'full' | 'delta' | 'dated';

/** A stage's first word in a run, right after the session. */
export interface Start {
  kind: 'start';
  contract: 1 | 2;
  runId: string;
  /** UUID of the process; absent in contract 1. */
  startId?: string;
  stage: string;
  version: string;
  startedAt: string;
  /** The flags in force and where each came from; no secrets. */
  options: Record<string, { value: unknown; from: string }>;
  /** Absent in contract 1, as `base` is: `pcrs-records/scope` knows them all the same. */
  scope?: Scope;
  base?: Base;
  /** Of a source: the run that it shows a part of. */
  of?: string;
  /** Of `pcrs-diff`: the older run. */
  since?: string;
  /** Of `pcrs-from-history`: the moment that it shows, by records that have only a part of their members. */
  asOf?: string;
  reduced?: true;
  /** Of a source: whether the run that it shows asked for evidence. */
  evidence?: boolean;
}

/** A stage's last word in a run, also when it fails. */
export interface End {
  kind: 'end';
  runId: string | null;
  /** Of its `start`; absent in contract 1, and where a stage failed before its start. */
  startId?: string;
  stage: string;
  endedAt: string;
  ok: boolean;
  /** Exit status. */
  status: number;
  /** Taken as input, by kind. */
  in: Counts;
  /** Made here, by kind; forwarded records count in neither. */
  out: Counts;
  /** By kind, as decimal text: the sum modulo 2^53 of the CRC-32 of each line made here, without its line feed. */
  sums?: Record<string, string>;
  requests: number;
  retries: number;
  bytes: number;
  warnings: number;
  slices?: SliceCounts;
  error?: { code: string; message: string };
}

/** What became of the slices that `pcrs-posture` planned. */
export interface SliceCounts {
  planned: number;
  fetched: number;
  replayed: number;
  failed: number;
  notAsked: number;
  /** At most 1000. */
  missing: MissingSlice[];
  /** Records of a policy and host that their slice did not ask for. */
  foreign: number;
}

export interface MissingSlice {
  policies: string[];
  hosts: number;
  firstHostId: string;
  error: string;
}

/** One answer of the gateway to `pcrs-posture`, written after its records in a run. */
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
  /** In the archive, or null. */
  file: string | null;
}

/** The kinds that carry the gateway's own members. */
export const gatewayKinds = ['policy', 'hostids', 'posture'] as const;
export type GatewayKind = (typeof gatewayKinds)[number];

/** The kinds that the suite itself writes. */
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

/** The kind of record each stage makes. */
export const madeBy: Readonly<Record<string, GatewayKind>> = {
  'pcrs-policies': 'policy',
  'pcrs-hostids': 'hostids',
  'pcrs-posture': 'posture',
};

/**
 * The kind of an object without the member `kind`, told by its shape, or undefined.
 */
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

/**
 * A session as a stage needs it.
 *
 * Throws  a sentence saying which member is wrong
 */
export function parseSession(value: JsonObject): Session {
  for (const name of ['runId', 'gateway', 'startedAt']) {
    if (typeof value[name] !== 'string' || value[name] === '') {
      throw new Error(
        `the session's ${name} must be a text, got ${JSON.stringify(value[name]) ?? 'nothing'}`,
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
