import { apiPath } from 'pcrs-gateway/api-versions';
import type { Gateway } from 'pcrs-gateway/gateway';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import type { ListedPolicy } from './read-list.ts';

/** Which policies to list, and how. */
export interface PolicyOptions {
  /** Version of the endpoint; default 2.0. */
  apiVersion?: string;
  /** `lastEvaluationDate`, resolved: `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`. */
  evaluatedSince?: string;
  /** Adds the tag section (version 2.0). */
  tagInfo?: boolean;
  /** Default: all but the inactive ones. */
  status?: 'active' | 'inactive' | 'all';
  /** Only these ids; implies the status `all`. */
  id?: readonly string[];
  excludeId?: readonly string[];
  /** Only policies whose title matches. */
  title?: RegExp;
  /** Without the member `kind`. */
  untagged?: boolean;
}

/** One policy of the list. */
export interface PolicyLine {
  id: string | undefined;
  /** The record as a line of NDJSON without its line end: `kind`, `subscriptionId`, then the policy as sent. */
  line: string;
}

/** What a listing came to. */
export interface ListingCounts {
  listed: number;
  written: number;
  inactiveLeftOut: number;
}

/**
 * The policies of a subscription, in the order the gateway lists them.
 *
 * Yields  one line per policy
 * Returns how many were listed, written and left out as inactive
 * Limits  the whole list comes in one answer (the gateway knows no pages); it is held in memory
 * Throws  GatewayError once the retries are used up, and where an id asked for is not in the list; what was yielded stands
 * Source  Qualys PCRS, Get Policy List, V2.0 (docs.qualys.com, read 2026-11-23)
 */
export async function* policies(
  gateway: Pick<Gateway, 'ask'>,
  options: PolicyOptions = {},
): AsyncGenerator<PolicyLine, ListingCounts> {
  const missing = new Set(options.id);
  const counts: ListingCounts = { listed: 0, written: 0, inactiveLeftOut: 0 };
  for (const { id, line, record } of await askForList(gateway, options)) {
    counts.listed += 1;
    if (id !== undefined) missing.delete(id);
    const verdict = select(id, record, options);
    if (verdict === 'inactive') counts.inactiveLeftOut += 1;
    if (verdict !== 'taken') continue;
    counts.written += 1;
    yield { id, line };
  }
  if (missing.size > 0) {
    const ids = [...missing].join(', ');
    throw codedError(
      'PCRS_GATEWAY',
      `--id: not in the policy list: ${ids}; pcrs-policies --status all lists what there is`,
    );
  }
  return counts;
}

/** What an archive's manifest says of a list. */
export function listFacts(_request: unknown, listed: readonly PolicyLine[]) {
  return { policies: [], hosts: null, records: listed.length };
}

function askForList(gateway: Pick<Gateway, 'ask'>, options: PolicyOptions): Promise<ListedPolicy[]> {
  const query: Record<string, string> = {};
  if (options.evaluatedSince !== undefined) query['lastEvaluationDate'] = options.evaluatedSince;
  if (options.tagInfo) query['requireTagInfo'] = '1';
  const path = apiPath('policyList', options.apiVersion ?? '2.0');
  return gateway.ask(
    { endpoint: 'policyList', method: 'GET', path, query, what: 'the policy list' },
    async ({ body }) => {
      // Loaded once there is an answer, so that the request goes out sooner.
      const { readList } = await import('./read-list.ts');
      return readList(body, options.untagged ?? false);
    },
  );
}

function select(
  id: string | undefined,
  record: JsonObject,
  options: PolicyOptions,
): 'taken' | 'inactive' | 'left out' {
  if (options.id && !(id !== undefined && options.id.includes(id))) return 'left out';
  if (id !== undefined && options.excludeId?.includes(id)) return 'left out';
  if (options.title && !options.title.test(String(record['title'] ?? ''))) return 'left out';
  const status = String(record['status'] ?? '').toLowerCase();
  const wanted = options.status ?? (options.id ? 'all' : undefined);
  if (wanted === undefined) return status === 'inactive' ? 'inactive' : 'taken';
  return wanted === 'all' || wanted === status ? 'taken' : 'left out';
}
