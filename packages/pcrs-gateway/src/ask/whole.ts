import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import { GatewayError } from './gateway-error.ts';

const unzip = promisify(gunzip);

/** Limit of a whole body, as sent and unpacked: the longest JavaScript string. */
const maxWholeBytes = 512 * 1024 * 1024;

/**
 * All bytes of a small document, gunzipped if its first bytes say gzip (twice, if it was packed twice).
 *
 * Limits  512 MiB, packed and unpacked
 * Throws  PCRS_BROKEN_BODY for cut or damaged gzip (retrying may help); PCRS_GATEWAY beyond the limit
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

/** Whether bytes start like a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function unpacked(bytes: Buffer, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  try {
    return (await unzip(bytes, { maxOutputLength: maxBytes })) as Buffer<ArrayBuffer>;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new BrokenBodyError(`the gzip body is cut or damaged (${(error as Error).message})`);
  }
}

function tooLarge(maxBytes: number): GatewayError {
  const mebibytes = Math.floor(maxBytes / (1024 * 1024));
  return new GatewayError('PCRS_GATEWAY', `the body is larger than ${mebibytes} MiB`, {
    reason: 'fatal',
    tries: 1,
  });
}
