import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { brokenBody, GatewayError } from './gateway-error.ts';

const unzip = promisify(gunzip);

/** The most a whole body may hold, as sent and unpacked: what one JavaScript string can hold. */
export const maxWholeBytes = 512 * 1024 * 1024;

/**
 * All bytes of a small document, unpacked where its first bytes say gzip (twice, if it was packed twice).
 *
 * Limits  512 MiB, packed and unpacked
 * Throws  PCRS_BROKEN_BODY for gzip that is cut or damaged (another try may do better); PCRS_GATEWAY beyond the limit
 */
export async function wholeBody(body: AsyncIterable<Uint8Array>, maxBytes = maxWholeBytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  let bytes = Buffer.concat(chunks, length);
  for (let layer = 0; layer < 2 && isGzip(bytes); layer += 1) bytes = await unpacked(bytes, maxBytes);
  return bytes;
}

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function unpacked(bytes: Buffer, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  try {
    return (await unzip(bytes, { maxOutputLength: maxBytes })) as Buffer<ArrayBuffer>;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw brokenBody(`the gzip body is cut or damaged (${(error as Error).message})`);
  }
}

function tooLarge(maxBytes: number): GatewayError {
  const mebibytes = Math.floor(maxBytes / (1024 * 1024));
  return new GatewayError('PCRS_GATEWAY', `the body holds more than ${mebibytes} MiB`, {
    reason: 'fatal',
    tries: 1,
  });
}
