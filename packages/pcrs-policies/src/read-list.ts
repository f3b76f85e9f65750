import { elements } from 'pcrs-gateway/elements';
import { objectMembers } from 'pcrs-gateway/elements-members';
import { brokenBody } from 'pcrs-gateway/gateway-error';
import { wholeBody } from 'pcrs-gateway/whole';
import { parseExact, toDigits } from 'pcrs-records/json';
import { isObject, type JsonObject } from 'pcrs-records/kinds';
import type { PolicyLine } from './index.ts';

/** A policy of the list, with its members to select by. */
export interface ListedPolicy extends PolicyLine {
  record: JsonObject;
}

/**
 * The policies in an answer of the policy list.
 *
 * Takes   untagged  lines without `kind`
 * Throws  PCRS_BROKEN_BODY for what is no policy list
 */
export async function readList(
  chunks: AsyncIterable<Uint8Array>,
  untagged: boolean,
): Promise<ListedPolicy[]> {
  const body = await wholeBody(chunks);
  if (body.length === 0) return [];
  const members = objectMembers(body);
  const list = members.get('policyList');
  if (list === undefined)
    throw brokenBody(
      `the policy list has no policyList, only ${[...members.keys()].join(', ') || 'nothing'}`,
    );
  const subscription = members.get('subscriptionId')?.toString();
  const found: ListedPolicy[] = [];
  if (list.toString() === 'null') return found;
  const kind = 'policy';
  for await (const block of elements(list, { kind })) {
    for (const tagged of new TextDecoder().decode(block.bytes).split('\n').slice(0, -1)) {
      const record = parseExact(tagged);
      if (!isObject(record)) throw brokenBody('an element of policyList is not an object');
      found.push({
        id: toDigits(record['id']),
        record,
        line: withSubscription(tagged, record, subscription, untagged),
      });
    }
  }
  return found;
}

/** Puts the wrapper's `subscriptionId` in front of the policy's own members, unless it has its own. */
function withSubscription(
  tagged: string,
  record: JsonObject,
  subscription: string | undefined,
  untagged: boolean,
): string {
  const kind = '"kind":"policy"';
  const own = tagged.slice(1 + kind.length, -1).replace(/^,/, '');
  const inherited =
    subscription === undefined || 'subscriptionId' in record ? '' : `"subscriptionId":${subscription}`;
  return `{${[untagged ? '' : kind, inherited, own].filter((part) => part !== '').join(',')}}`;
}
