import type { Endpoint } from './faults.ts';

/** Endpoint and version of a request. */
export interface Route {
  readonly endpoint: Endpoint;
  /** 1 to 5; 0 for `/auth`, which has none. */
  readonly version: number;
  readonly method: 'GET' | 'POST';
}

/** Newest version of each endpoint; the oldest is 1.0. */
const newest = { list: 2, hostids: 5, posture: 5 } as const;

/** First version that knows each parameter. One client sends `evidenceTruncationLimit`, which has no effect. */
const parameters: Record<Endpoint, Record<string, number>> = {
  auth: {},
  list: { lastEvaluationDate: 1, requireTagInfo: 2 },
  hostids: { policyId: 1, lastScanDate: 1, statusChangedSince: 3, assetDeploymentType: 5, assetState: 5 },
  posture: {
    evidenceRequired: 1,
    compressionRequired: 1,
    lastEvaluationDate: 1,
    lastScanDate: 1,
    lastScanDateFrom: 1,
    lastScanDateTo: 1,
    statusChangedSince: 1,
    evidenceTruncationLimit: 1,
    excludeInactiveControl: 2,
    extendedEvidenceRequired: 5,
    qdScoreRequired: 5,
  },
};

/** Endpoint and version of a path; undefined for an unknown path. */
export function routeOf(path: string): Route | undefined {
  if (path === '/auth') return { endpoint: 'auth', version: 0, method: 'POST' };
  const match = /^\/pcrs\/(\d)\.0\/posture\/(policy\/list|hostids|postureInfo\/?)$/.exec(path);
  if (match === null) return undefined;
  const version = Number(match[1]);
  const name = match[2] as string;
  const endpoint = name === 'policy/list' ? 'list' : name === 'hostids' ? 'hostids' : 'posture';
  if (version < 1 || version > newest[endpoint]) return undefined;
  return { endpoint, version, method: endpoint === 'posture' ? 'POST' : 'GET' };
}

/** The parameters known to a route's version, and the names of the others, which the gateway ignores. */
export function knownParameters(
  { endpoint, version }: Route,
  search: URLSearchParams,
): { query: Map<string, string>; ignored: string[] } {
  const query = new Map<string, string>();
  const ignored: string[] = [];
  for (const [name, value] of search) {
    if ((parameters[endpoint][name] ?? Infinity) <= version) query.set(name, value);
    else ignored.push(name);
  }
  return { query, ignored };
}
