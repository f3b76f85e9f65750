import type { Consume, GatewayRequest } from '../ask/request.ts';
import type { Archive, ArchivePart, BodyFacts } from './archive.ts';
import { requestKey } from './request-key.ts';

/** Describes an answer for the manifest, besides its request. */
export type Facts<T> = (
  request: GatewayRequest,
  value: T,
) => Pick<BodyFacts, 'policies' | 'hosts' | 'records'>;

/**
 * Wraps a `consume` so that it also stores the body once `consume` accepts it; without an archive, returns `consume`
 * itself.
 *
 * Takes   facts   gets the result of `consume`
 */
export function kept<T>(
  archive: Archive | undefined,
  request: GatewayRequest,
  facts: Facts<T>,
  consume: Consume<T>,
): Consume<T> {
  if (archive === undefined) return consume;
  return async (answer) => {
    const askedAt = new Date();
    const part = await archive.part();
    try {
      const value = await consume({ ...answer, body: copied(answer.body, part) });
      const { path, query: parameters } = request;
      const key = requestKey(request);
      await archive.keep(part, { key, path, parameters, askedAt, ...facts(request, value) });
      return value;
    } finally {
      await part.discard();
    }
  };
}

async function* copied(body: AsyncIterable<Uint8Array>, part: ArchivePart): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    await part.write(chunk);
    yield chunk;
  }
}
