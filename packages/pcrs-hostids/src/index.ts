import { apiPath, defaultVersions } from 'pcrs-gateway/api-versions';
import type { Gateway } from 'pcrs-gateway/gateway';
import { counted } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import { policiesPerRequest } from './defaults.ts';
import type { Resolved } from './read-answer.ts';

/** Options of resolving hosts. */
export interface HostIdsOptions {
  /** Version of the endpoint; default 5.0. */
  apiVersion?: string | undefined;
  /** `lastScanDate`, resolved. */
  scannedSince?: string | undefined;
  /** Version 3.0 and later, resolved. */
  statusChangedSince?: string | undefined;
  /** Version 5.0. */
  assetState?: string | undefined;
  /** Version 5.0. */
  assetDeploymentType?: string | undefined;
  /** 1 to 10 (the gateway's limit); default 10. */
  policiesPerRequest?: number | undefined;
  /** Omit the member `kind`. */
  untagged?: boolean | undefined;
  /** Called with warnings. */
  warn?: (message: string) => void;
}

/** The host ids of one policy. */
export interface HostIdsLine {
  policyId: string;
  hosts: number;
  /** The record as an NDJSON line without its line end: `kind`, then the element as sent. */
  line: string;
}

/**
 * Host ids of each policy, in the order the policies arrive.
 *
 * Takes   policyIds  digits; a repeated one is skipped with a warning
 * Yields  one record per policy; its list of host ids may be empty
 * Limits  ten policies a request (the gateway's rule); one request in flight
 * Throws  GatewayError once the retries are used up, and for a policy that the gateway twice omitted or answered with
 *         an error; whatever `policyIds` throws, once the ids before are resolved; records already yielded stand
 * Source  Qualys PCRS, Resolve Host IDs, V5.0 (docs.qualys.com, read 2026-11-23)
 */
export async function* hostIds(
  gateway: Pick<Gateway, 'ask'>,
  policyIds: AsyncIterable<string> | Iterable<string>,
  options: HostIdsOptions = {},
): AsyncGenerator<HostIdsLine> {
  const batches = { size: options.policiesPerRequest ?? policiesPerRequest, warn: options.warn };
  for await (const batch of inBatches(policyIds, batches)) yield* resolveBatch(gateway, batch, options);
}

/** Batches of `size` ids, each id once; if the source fails, yields the ids before the failure first. */
async function* inBatches(
  policyIds: AsyncIterable<string> | Iterable<string>,
  { size, warn }: { size: number; warn: HostIdsOptions['warn'] },
): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  let batch: string[] = [];
  let failure: { error: unknown } | undefined;
  try {
    for await (const policyId of policyIds) {
      if (seen.has(policyId)) warn?.(`policy ${policyId} came twice; asking for it once`);
      else batch.push(policyId);
      seen.add(policyId);
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  } catch (error) {
    failure = { error };
  }
  if (batch.length > 0) yield batch;
  if (failure !== undefined) throw failure.error;
}

/** An answer's description for the archive's manifest. */
export function answerFacts(
  request: { query: Record<string, string> },
  answer: ReadonlyMap<string, readonly HostIdsLine[]>,
) {
  const lines = [...answer.values()].flat();
  const hosts = lines.reduce((sum, line) => sum + line.hosts, 0);
  return { policies: request.query['policyId']?.split(',') ?? [], hosts, records: lines.length };
}

async function* resolveBatch(
  gateway: Pick<Gateway, 'ask'>,
  policyIds: readonly string[],
  options: HostIdsOptions,
): AsyncGenerator<HostIdsLine> {
  const answer = await askFor(gateway, policyIds, options);
  const again = policyIds.filter((policyId) => !isGood(answer.get(policyId)));
  if (again.length > 0) {
    for (const [policyId, resolved] of await askFor(gateway, again, options)) answer.set(policyId, resolved);
  }
  for (const policyId of policyIds) {
    const resolved = answer.get(policyId);
    if (!isGood(resolved)) throw unresolved(policyId, resolved);
    for (const { error, ...line } of resolved) {
      if (error !== undefined) options.warn?.(`policy ${policyId}: ${error}`);
      yield line;
    }
  }
}

/** The gateway's sentence for an unknown policy; any other error says nothing about its hosts. */
const unknownPolicy = /^(?:Error: )?Compliance Policy does not exist\.?$/i;

function isGood(resolved: readonly Resolved[] | undefined): resolved is readonly Resolved[] {
  return resolved?.every(({ error }) => error === undefined || unknownPolicy.test(error.trim())) === true;
}

function unresolved(policyId: string, resolved: readonly Resolved[] | undefined): Error {
  const errors = resolved?.flatMap(({ error }) => error ?? []).join('; ');
  const what = errors
    ? `two answers of the gateway had this error: ${errors}`
    : 'two answers of the gateway omitted it';
  return codedError('PCRS_GATEWAY', `policy ${policyId}: ${what}`);
}

async function askFor(
  gateway: Pick<Gateway, 'ask'>,
  policyIds: readonly string[],
  options: HostIdsOptions,
): Promise<Map<string, Resolved[]>> {
  const query: Record<string, string> = { policyId: policyIds.join(',') };
  if (options.scannedSince !== undefined) query['lastScanDate'] = options.scannedSince;
  if (options.statusChangedSince !== undefined) query['statusChangedSince'] = options.statusChangedSince;
  if (options.assetState !== undefined) query['assetState'] = options.assetState;
  if (options.assetDeploymentType !== undefined) query['assetDeploymentType'] = options.assetDeploymentType;
  const path = apiPath('hostids', options.apiVersion ?? defaultVersions.hostids);
  const what = `host ids of ${counted(policyIds.length, 'policy')} from ${policyIds[0]}`;
  return gateway.ask({ endpoint: 'hostids', method: 'GET', path, query, what }, async ({ body }) => {
    // Loaded after the response arrives, so that the request is sent sooner.
    const { readAnswer } = await import('./read-answer.ts');
    return readAnswer(body, new Set(policyIds), what, options);
  });
}
