import { wholeBody } from 'pcrs-gateway/whole';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import { elementLines } from 'pcrs-json/elements';
import { parseExact, toDigits } from 'pcrs-records/json';
import type { JsonObject } from 'pcrs-records/kinds';
import type { HostIdsLine, HostIdsOptions } from './index.ts';

/** The host ids of one policy, or the gateway's error. */
export interface Resolved extends HostIdsLine {
  error: string | undefined;
}

/**
 * The elements in an answer, by policy.
 *
 * Takes   asked  the policies asked for; others are omitted with a warning
 *         what   the answer's name in warnings
 * Throws  PCRS_BROKEN_BODY for an invalid answer
 */
export async function readAnswer(
  body: AsyncIterable<Uint8Array>,
  asked: ReadonlySet<string>,
  what: string,
  options: Pick<HostIdsOptions, 'untagged' | 'warn'>,
): Promise<Map<string, Resolved[]>> {
  const answer = new Map<string, Resolved[]>();
  const onReplaced = (words: string): void => options.warn?.(`${what}: ${words}`);
  for await (const tagged of elementLines(await wholeBody(body), 'hostids', onReplaced)) {
    const resolved = readElement(tagged, options.untagged ?? false);
    if (!asked.has(resolved.policyId)) {
      options.warn?.(`policy ${resolved.policyId} is in the answer but was not asked for; ignored`);
      continue;
    }
    answer.set(resolved.policyId, [...(answer.get(resolved.policyId) ?? []), resolved]);
  }
  return answer;
}

function readElement(tagged: string, untagged: boolean): Resolved {
  const record = parsed(tagged);
  const policyId = toDigits(record['policyId']);
  if (policyId === undefined) throw new BrokenBodyError('an element of the answer has no policyId');
  const { hostIds: ids, error } = record;
  if (!Array.isArray(ids)) throw new BrokenBodyError(`policy ${policyId}: hostIds is not an array`);
  const line = untagged ? tagged.replace(/^\{"kind":"hostids",?/, '{') : tagged;
  const absent = error === undefined || error === null || error === '';
  const shown = typeof error === 'string' ? error : JSON.stringify(error);
  return { policyId, hosts: ids.length, line, error: absent ? undefined : shown };
}

function parsed(line: string): JsonObject {
  try {
    return parseExact(line) as JsonObject;
  } catch (error) {
    throw new BrokenBodyError(`an element of the answer is not JSON: ${(error as Error).message}`);
  }
}
