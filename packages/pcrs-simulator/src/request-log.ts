import type { IncomingMessage } from 'node:http';
import type { Endpoint } from './faults.ts';
import type { Route } from './routes.ts';

/** A policy of a postureInfo body as sent; `hosts` counts `hostIds`, even if a long log has forgotten them. */
interface AskedPolicy {
  readonly policyId: string;
  readonly subscriptionId: string | undefined;
  readonly hosts: number;
  readonly hostIds: readonly string[];
}

/** One request and its outcome. */
export interface RequestEntry {
  readonly number: number;
  /** ISO 8601, arrival of the request. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly endpoint: Endpoint | undefined;
  readonly version: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /** Parameters unknown to this version. */
  ignored: readonly string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  user: string | undefined;
  policies: readonly AskedPolicy[];
  /** 0 until it is known, and if none was sent. */
  status: number;
  faults: readonly string[];
  /** Bytes of the body written. */
  bytes: number;
  ms: number;
  /** `closed`: the connection ended before the answer did. */
  outcome: 'open' | 'sent' | 'closed';
}

/** The entry of a new request. */
export function emptyEntry(
  request: IncomingMessage,
  url: URL,
  route: Route | undefined,
): Omit<RequestEntry, 'number'> {
  return {
    time: new Date().toISOString(),
    method: request.method ?? '',
    path: url.pathname,
    endpoint: route?.endpoint,
    version: route === undefined || route.version === 0 ? undefined : `${route.version}.0`,
    query: Object.fromEntries(url.searchParams),
    ignored: [],
    headers: request.headers,
    user: undefined,
    policies: [],
    status: 0,
    faults: [],
    bytes: 0,
    ms: 0,
    outcome: 'open',
  };
}

const HOST_IDS_KEPT = 2_000_000;

/** The latest requests, oldest first. */
export class RequestLog {
  readonly entries: RequestEntry[] = [];
  readonly #kept: number;
  #hostIds = 0;
  #count = 0;

  constructor(kept: number) {
    this.#kept = kept;
  }

  /** Number of requests in total. */
  get count(): number {
    return this.#count;
  }

  add(entry: Omit<RequestEntry, 'number'>): RequestEntry {
    this.#count += 1;
    const numbered = { number: this.#count, ...entry };
    this.entries.push(numbered);
    if (this.entries.length > this.#kept) this.#hostIds -= hostCount(this.entries.shift() as RequestEntry);
    return numbered;
  }

  /** Records a body's policies; the oldest entries lose their host ids once very many are stored. */
  remember(entry: RequestEntry, asked: readonly Omit<AskedPolicy, 'hosts'>[]): void {
    entry.policies = asked.map((policy) => ({ ...policy, hosts: policy.hostIds.length }));
    if (this.#kept === 0) return;
    this.#hostIds += hostCount(entry);
    for (const old of this.entries) {
      if (this.#hostIds <= HOST_IDS_KEPT || old === entry) return;
      this.#hostIds -= hostCount(old);
      old.policies = old.policies.map((policy) => ({ ...policy, hostIds: [] }));
    }
  }
}

function hostCount({ policies }: RequestEntry): number {
  return policies.reduce((sum, { hostIds }) => sum + hostIds.length, 0);
}
