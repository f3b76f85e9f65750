import { codedError, excerpt } from 'pcrs-records/errors';
import { toDigits } from 'pcrs-records/json';
import { isObject } from 'pcrs-records/kinds';

/**
 * The policy ids of one line of input.
 *
 * Takes   policy records, untagged objects with policyId or id, bare JSON numbers or strings
 * Yields  none for a record of another kind
 * Throws  PCRS_RECORD for a record with an invalid id
 */
export function policyIds(
  value: unknown,
  kind: string | undefined,
  where: string,
): { kind: string; input: string }[] {
  if (kind !== undefined && kind !== 'policy') return [];
  if (Array.isArray(value) || value === null || typeof value === 'boolean') return [];
  if (isObject(value) && kind === undefined && ('hostIds' in value || 'controlId' in value)) return [];
  const id = isObject(value) ? (kind === 'policy' ? value['id'] : (value['policyId'] ?? value['id'])) : value;
  if (isObject(value) && id === undefined && kind === undefined) return [];
  const digits = toDigits(id);
  if (digits === undefined) {
    const found = excerpt(JSON.stringify(id) ?? 'none');
    throw codedError('PCRS_RECORD', `${where}: expected a policy id (digits), found ${found}`);
  }
  return [{ kind: 'policy', input: digits }];
}
