import { readInput } from 'pcrs-machine/read-input';
import { usageError } from '../ask/gateway-error.ts';
import { secretText } from './secret-text.ts';

const maxSecretBytes = 64 * 1024;

export interface SecretFileOptions {
  /** The flag it came by, for messages. */
  flag: string;
  /** Whether a file that others may read is refused instead of warned of. */
  strict: boolean;
  uid: number | undefined;
  signal: AbortSignal;
  warn(message: string): void;
}

/**
 * A secret from a file of the user's own making; see secretText.
 *
 * Takes   path   a file, or a pipe such as /dev/fd/63, which can be read once
 * Throws  PCRS_USAGE for one that is missing, unreadable or too long, and with `strict` for one that others may read;
 *         the signal's reason
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
  const message = `${options.flag} ${path}: others may read it (mode ${octal}); chmod go= it`;
  if (options.strict) throw usageError(message);
  options.warn(message);
}
