import type { Endpoint } from './faults.ts';

/** A policy of a postureInfo body as it was sent; `hostIds` is left empty in long logs, `hosts` counts them always. */
export interface AskedPolicy {
  readonly policyId: string;
  readonly subscriptionId: string | undefined;
  readonly hosts: number;
  readonly hostIds: readonly string[];
}

/** One request and how it ended. */
export interface RequestEntry {
  readonly number: number;
  /** ISO 8601, when the request was there. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly endpoint: Endpoint | undefined;
  readonly version: string | undefined;
  readonly query: Readonly<Record<string, string>>;
  /** Parameters that this version does not know. */
  ignored: readonly string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  user: string | undefined;
  policies: readonly AskedPolicy[];
  /** 0 until it is known, and where none was sent. */
  status: number;
  faults: readonly string[];
  /** Bytes of the body that were written. */
  bytes: number;
  ms: number;
  /** `closed`: the connection ended before the answer did. */
  outcome: 'open' | 'sent' | 'closed';
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

  /** How many there were in all. */
  get count(): number {
    return this.#count;
  }

  add(entry: Omit<RequestEntry, 'number'>): RequestEntry {
    this.#count += 1;
    const numbered = { number: this.#count, ...entry };
    this.entries.push(numbered);
    if (this.entries.length > this.#kept) this.entries.shift();
    return numbered;
  }

  /** A body's policies, without their host ids once very many are remembered. */
  asked(policies: readonly Omit<AskedPolicy, 'hosts'>[]): AskedPolicy[] {
    return policies.map(({ policyId, subscriptionId, hostIds }) => {
      this.#hostIds += hostIds.length;
      const kept = this.#hostIds <= HOST_IDS_KEPT ? hostIds : [];
      return { policyId, subscriptionId, hosts: hostIds.length, hostIds: kept };
    });
  }
}
