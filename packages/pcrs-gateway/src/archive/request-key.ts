import { createHash } from 'node:crypto';
import { type GatewayRequest, pathAndQuery } from '../ask/request.ts';

/** Key of a request: equal for the same path, query and body, in every run. */
export function requestKey(request: Pick<GatewayRequest, 'path' | 'query' | 'body'>): string {
  const hash = createHash('sha256').update(`${pathAndQuery(request)}\n`);
  return hash
    .update(request.body ?? '')
    .digest('hex')
    .slice(0, 32);
}
