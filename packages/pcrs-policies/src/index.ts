import { apiPath, defaultVersions } from 'pcrs-gateway/api-versions';
import type { Gateway } from 'pcrs-gateway/gateway';
import { codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import type { ListedPolicy } from './read-list.ts';

/** Options of a listing. */
export interface PolicyOptions {
  /** Version of the endpoint; default 2.0. */
  apiVersion?: string | undefined;
  /** `lastEvaluationDate`, resolved: `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`. */
  evaluatedSince?: string | undefined;
  /** Adds the tag section (version 2.0). */
  tagInfo?: boolean | undefined;
  /** Default: all but inactive ones. */
  status?: 'active' | 'inactive' | 'all' | undefined;
  /** Only these ids; implies status `all`. */
  id?: readonly string[] | undefined;
  excludeId?: readonly string[] | undefined;
  /** Only policies whose title matches. */
  title?: RegExp | undefined;
  /** Omit the member `kind`. */
  untagged?: boolean | undefined;
  /** Called with warnings. */
  warn?: (message: string) => void;
}

/** One policy of the list. */
export interface PolicyLine {
  id: string | undefined;
  /** The record as an NDJSON line without its line end: `kind`, `subscriptionId`, then the policy as sent. */
  line: string;
}

/** Counts of a listing. */
export interface ListingCounts {
  listed: number;
  written: number;
  inactiveLeftOut: number;
}

/**
 * The policies of a subscription, in the order the gateway lists them.
 *
 * Yields  one line per policy
 * Returns the number listed, written and omitted as inactive
 * Limits  the whole list is one answer (the gateway has no pages) and is held in memory
 * Throws  GatewayError once the retries are used up; PCRS_USAGE, before anything is yielded, if an id is not in the
 *         list
 * Source  Qualys PCRS, Get Policy List, V2.0 (docs.qualys.com, read 2026-11-23)
 */
export async function* policies(
  gateway: Pick<Gateway, 'ask'>,
  options: PolicyOptions = {},
): AsyncGenerator<PolicyLine, ListingCounts> {
  const list = await askForList(gateway, options);
  checkIds(list, options);
  const counts: ListingCounts = { listed: 0, written: 0, inactiveLeftOut: 0 };
  for (const { id, line, record } of list) {
    counts.listed += 1;
    const verdict = select(id, record, options);
    if (verdict === 'inactive') counts.inactiveLeftOut += 1;
    if (verdict !== 'taken') continue;
    counts.written += 1;
    yield { id, line };
  }
  return counts;
}

/**
 * Checks for missing ids. An id missing from the list is a mistake; with a date filter it may only not have been
 * evaluated since.
 */
function checkIds(list: readonly ListedPolicy[], { id, evaluatedSince, warn }: PolicyOptions): void {
  const listed = new Set(list.map((policy) => policy.id));
  const missing = id?.filter((wanted) => !listed.has(wanted)) ?? [];
  if (missing.length === 0) return;
  const ids = missing.join(', ');
  if (evaluatedSince !== undefined) {
    warn?.(`--id: not in the list of policies evaluated since ${evaluatedSince}: ${ids}`);
    return;
  }
  throw codedError(
    'PCRS_USAGE',
    `--id: not in the policy list: ${ids}; pcrs-policies --status all lists all policies`,
  );
}

/** A list's description for the archive's manifest. */
export function listFacts(_request: unknown, listed: readonly PolicyLine[]) {
  return { policies: [], hosts: null, records: listed.length };
}

function askForList(gateway: Pick<Gateway, 'ask'>, options: PolicyOptions): Promise<ListedPolicy[]> {
  const query: Record<string, string> = {};
  if (options.evaluatedSince !== undefined) query['lastEvaluationDate'] = options.evaluatedSince;
  if (options.tagInfo) query['requireTagInfo'] = '1';
  const path = apiPath('policyList', options.apiVersion ?? defaultVersions.policyList);
  return gateway.ask(
    { endpoint: 'policyList', method: 'GET', path, query, what: 'the policy list' },
    async ({ body }) => {
      // Loaded once there is an answer, so that the request goes out sooner.
      const { readList } = await import('./read-list.ts');
      return readList(body, options);
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
