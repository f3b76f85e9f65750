import { codedError, excerpt } from 'pcrs-records/errors';
import { parseExact, toDigits } from 'pcrs-records/json';
import { isObject, type JsonObject, kindByShape } from 'pcrs-records/kinds';
import { isBlank, lineBlocks } from 'pcrs-records/lines';
import type { PolicyHosts } from './slices.ts';

/** Input of `pcrs-posture`, for messages. */
export const expectedInput = 'a hostids record';

/**
 * The policies and hosts of one input line.
 *
 * Takes   hostids records, tagged or as the gateway sends them, one or a whole array; only policyId, subscriptionId
 *         and hostIds are read; an element with a gateway error has no hosts
 * Yields  none for a record of another kind
 * Throws  PCRS_RECORD for an invalid record, or for a policy outside a run: a stage is missing from the pipe
 */
export function parseHostIds(
  value: unknown,
  kind: string | undefined,
  where: string,
): { kind: string; input: PolicyHosts }[] {
  if (Array.isArray(value))
    return value.map((element) => ({ kind: 'hostids', input: parseElement(element, where) }));
  if (!isObject(value) || (kind !== undefined && kind !== 'hostids')) return [];
  if (kind === undefined && kindByShape(value) !== 'hostids' && !('policyId' in value)) return [];
  return [{ kind: 'hostids', input: parseElement(value, where) }];
}

/**
 * Converts a `hostids` line for `posture`; `hostIds` of pcrs-hostids yields such lines.
 *
 * Throws  PCRS_RECORD for anything else
 */
export function policyHosts(line: string): PolicyHosts {
  return parseElement(parseExact(line), 'hostids');
}

/**
 * Number of policy–host pairs in an input.
 *
 * Throws  like `parseHostIds`; SyntaxError for a line that is not JSON
 */
export async function pairsIn(input: AsyncIterable<Uint8Array>): Promise<number> {
  let pairs = 0;
  for await (const { lines } of lineBlocks(input)) {
    for (const line of lines) {
      if (isBlank(line)) continue;
      const value = parseExact(line);
      const kind = isObject(value) && typeof value['kind'] === 'string' ? value['kind'] : undefined;
      for (const { input } of parseHostIds(value, kind, 'input')) pairs += input.hostIds.length;
    }
  }
  return pairs;
}

/** The error for policies in place of hosts. */
export function forgottenStage(where: string): Error {
  return codedError(
    'PCRS_RECORD',
    `${where}: got policy records, not hostids; put pcrs-hostids before this stage`,
  );
}

/** Whether a record is a policy, tagged or not. */
export function isPolicy(value: unknown, kind: string | undefined): boolean {
  return kind === 'policy' || (kind === undefined && isObject(value) && kindByShape(value) === 'policy');
}

function parseElement(value: unknown, where: string): PolicyHosts {
  if (!isObject(value)) throw wrong(where, 'expected a hostids object', value);
  const { policyId, subscriptionId, hostIds, error } = value;
  if (!Array.isArray(hostIds)) throw wrong(where, 'hostIds must be an array', hostIds);
  const hasError = error !== undefined && error !== null && error !== '';
  return {
    policyId: idOf(policyId, where, 'policyId'),
    subscriptionId: isAbsent(subscriptionId) ? undefined : idOf(subscriptionId, where, 'subscriptionId'),
    hostIds: hasError ? [] : hostIds.map((id, index) => idOf(id, where, 'hostIds', index)),
  };
}

function idOf(value: unknown, where: string, name: string, index?: number): string {
  const digits = toDigits(value);
  if (digits === undefined)
    throw wrong(where, `${name}${index === undefined ? '' : `[${index}]`} must be digits`, value);
  return digits;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function wrong(where: string, what: string, found: unknown): Error {
  return codedError('PCRS_RECORD', `${where}: ${what}, got ${excerpt(JSON.stringify(found) ?? 'nothing')}`);
}

/** API version in a forwarded `start` of pcrs-hostids. */
export function hostIdsVersion(record: JsonObject): string | undefined {
  if (record['kind'] !== 'start' || record['stage'] !== 'pcrs-hostids' || !isObject(record['options']))
    return undefined;
  const version = record['options']['api-version'];
  return isObject(version) && typeof version['value'] === 'string' ? version['value'] : undefined;
}
