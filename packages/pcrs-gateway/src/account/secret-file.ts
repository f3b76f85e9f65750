import { readInput } from 'pcrs-machine/read-input';
import { usageError } from '../ask/gateway-error.ts';
import { secretText } from './secret-text.ts';

const maxSecretBytes = 64 * 1024;

export interface SecretFileOptions {
  /** The flag that gave the path, for messages. */
  flag: string;
  /** Whether to refuse a file that others may read, instead of warning. */
  strict: boolean;
  uid: number | undefined;
  signal: AbortSignal;
  warn(message: string): void;
}

/**
 * Reads a secret from a user's file; see secretText.
 *
 * Takes   path   a file, or a pipe such as /dev/fd/63, which can be read once
 * Throws  PCRS_USAGE if it is missing, unreadable or too long, and with `strict` if others may read it; the signal's
 *         reason
 */
export async function readSecretFile(path: string, options: SecretFileOptions): Promise<string> {
  const { flag, uid, signal } = options;
  const { bytes, stats } = await readInput(path, { signal, maxBytes: maxSecretBytes }).catch((error) => {
    signal.throwIfAborted();
    throw usageError(`${flag} ${(error as Error).message}`);
  });
  if (uid !== undefined && stats.isFile() && (stats.mode & 0o044) !== 0)
    tellOthersMayRead(path, stats.mode, options);
  return secretText(bytes, `${flag} ${path}`);
}

function tellOthersMayRead(path: string, mode: number, options: SecretFileOptions): void {
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  const message = `${options.flag} ${path}: others may read it (mode ${octal}); run chmod go= on it`;
  if (options.strict) throw usageError(message);
  options.warn(message);
}
