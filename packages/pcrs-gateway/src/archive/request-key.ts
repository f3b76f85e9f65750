import { createHash } from 'node:crypto';
import { type GatewayRequest, pathAndQuery } from '../ask/request.ts';

/** A name for a question: the same path, query and body have the same one in every run. */
export function requestKey(request: Pick<GatewayRequest, 'path' | 'query' | 'body'>): string {
  const hash = createHash('sha256').update(`${pathAndQuery(request)}\n`);
  return hash
    .update(request.body ?? '')
    .digest('hex')
    .slice(0, 32);
}
