import { wholeBody } from 'pcrs-gateway/whole';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import { elementLines } from 'pcrs-json/elements';
import { objectMembers } from 'pcrs-json/object-members';
import { parseExact, toDigits } from 'pcrs-records/json';
import type { JsonObject } from 'pcrs-records/kinds';
import type { PolicyLine, PolicyOptions } from './index.ts';

/** A policy of the list, with the members used for selection. */
export interface ListedPolicy extends PolicyLine {
  record: JsonObject;
}

/**
 * The policies in an answer of the policy list.
 *
 * Takes   untagged  omit `kind`
 * Throws  PCRS_BROKEN_BODY for anything but a policy list
 */
export async function readList(
  chunks: AsyncIterable<Uint8Array>,
  { untagged = false, warn }: Pick<PolicyOptions, 'untagged' | 'warn'>,
): Promise<ListedPolicy[]> {
  const replacedIn = (what: string) => (words: string) => warn?.(`${what}: ${words}`);
  const body = await wholeBody(chunks);
  if (body.length === 0) return [];
  const members = objectMembers(body);
  const list = members.get('policyList');
  if (list === undefined)
    throw new BrokenBodyError(
      `the policy list has no policyList, only ${[...members.keys()].join(', ') || 'nothing'}`,
    );
  const subscription = await subscriptionMember(
    members.get('subscriptionId'),
    replacedIn("the list's subscriptionId"),
  );
  const found: ListedPolicy[] = [];
  if (list.toString() === 'null') return found;
  for await (const tagged of elementLines(list, 'policy', replacedIn('the policy list'))) {
    const record = parsed(tagged, `policy ${found.length + 1} of the list`);
    found.push({
      id: toDigits(record['id']),
      record,
      line: withSubscription(tagged, record, subscription, untagged),
    });
  }
  return found;
}

/**
 * The wrapper's `subscriptionId` as a member for a line, treated like every element: raw control characters become
 * escapes, line breaks between tokens go.
 *
 * Takes   onReplaced  called once, however many lines get the member
 * Throws  PCRS_BROKEN_BODY if it is not JSON
 */
async function subscriptionMember(
  value: Uint8Array | undefined,
  onReplaced: (words: string) => void,
): Promise<string> {
  if (value === undefined) return '';
  const wrapped = Buffer.concat([Buffer.from('[{"subscriptionId":'), value, Buffer.from('}]')]);
  const lines = await Array.fromAsync(elementLines(wrapped, undefined, onReplaced));
  const line = lines.join('\n');
  parsed(line, "the list's subscriptionId");
  return line.slice(1, -1);
}

function parsed(line: string, what: string): JsonObject {
  try {
    return parseExact(line) as JsonObject;
  } catch (error) {
    throw new BrokenBodyError(`${what} is not JSON: ${(error as Error).message}`);
  }
}

/** Puts the wrapper's `subscriptionId` before the policy's members, unless the policy has its own. */
function withSubscription(
  tagged: string,
  record: JsonObject,
  subscription: string,
  untagged: boolean,
): string {
  const kind = '"kind":"policy"';
  const own = tagged.slice(1 + kind.length, -1).replace(/^,/, '');
  const inherited = 'subscriptionId' in record ? '' : subscription;
  return `{${[untagged ? '' : kind, inherited, own].filter((part) => part !== '').join(',')}}`;
}
