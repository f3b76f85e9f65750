import { readFileSync } from 'node:fs';
import { codedError } from 'pcrs-records/errors';
import { isObject, type JsonObject } from 'pcrs-records/kinds';

/** Whole lines of one kind, with their number. */
export interface Lines {
  kind: string;
  lines: Uint8Array;
  count: number;
}

/** Records in a block: a reader gets one block while the next is made. */
const recordsTogether = 1000;

/**
 * The policies of a JSON file, one array, as records.
 *
 * Yields  blocks of `policy` records, in the order of the file
 * Throws  PCRS_RECORD for a file that holds anything else
 */
export function* thingPolicies(path: string): Generator<Lines> {
  const policies = policiesIn(path);
  for (let at = 0; at < policies.length; at += recordsTogether) {
    const some = policies.slice(at, at + recordsTogether);
    const text = some.map((policy) => `${JSON.stringify({ kind: 'policy', ...policy })}\n`).join('');
    yield { kind: 'policy', lines: Buffer.from(text), count: some.length };
  }
}

function policiesIn(path: string): JsonObject[] {
  const policies = parsed(path);
  if (Array.isArray(policies) && policies.every(isObject)) return policies;
  throw codedError('PCRS_RECORD', `${path}: expected an array of policies`);
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw codedError('PCRS_RECORD', `${path}: ${(error as Error).message}`);
  }
}
