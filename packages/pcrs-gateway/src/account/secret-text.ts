import { usageError } from '../ask/gateway-error.ts';

/**
 * A secret from a file or a command, without a byte order mark and without one final line break. Refuses bytes that
 * are not UTF-8: sent, they would be a wrong password, and several of those lock the user.
 *
 * Takes   where   its origin, for messages
 * Throws  PCRS_USAGE
 */
export function secretText(bytes: Uint8Array, where: string): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  if (mark === 'fffe' || mark === 'feff' || bytes.includes(0))
    throw usageError(`${where}: is UTF-16, not UTF-8; save it as UTF-8`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw usageError(`${where}: is not UTF-8; save it as UTF-8`);
  }
}

/** A token as written by a user, without a leading `Bearer`, which belongs to the header. */
export function tokenText(text: string): string {
  return text.trim().replace(/^(authorization:\s*)?bearer\s+/i, '');
}
