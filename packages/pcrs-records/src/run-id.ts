import { randomBytes } from 'node:crypto';

/**
 * A UUID v7: its first 48 bits are the time, so runs sort by start time.
 *
 * Source  RFC 9562, section 5.7
 */
export function newRunId(at: Date = new Date()): string {
  const bytes = Buffer.concat([Buffer.alloc(6), randomBytes(10)]);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
