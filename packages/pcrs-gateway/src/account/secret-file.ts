import { open } from 'node:fs/promises';
import { codeOf, usageError } from '../ask/gateway-error.ts';
import { withoutLineBreak } from './command.ts';

const maxSecretBytes = 64 * 1024;

export interface SecretFileOptions {
  /** The flag it came by, for messages. */
  flag: string;
  /** Whether a file that others may read is refused instead of warned of. */
  strict: boolean;
  uid: number | undefined;
  warn(message: string): void;
}

/**
 * A secret from a file of the user's own making; one line break at its end is not part of it.
 *
 * Takes   path   a file, or a pipe such as /dev/fd/63, which can be read once
 * Throws  PCRS_USAGE for one that is missing, unreadable or too long, and with `strict` for one that others may read
 */
export async function readSecretFile(path: string, options: SecretFileOptions): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      if (stats.isDirectory()) throw usageError(`${options.flag} ${path}: is a directory`);
      if (options.uid !== undefined && stats.isFile() && (stats.mode & 0o044) !== 0)
        tellOthersMayRead(path, stats.mode, options);
      if (stats.size > maxSecretBytes) throw usageError(`${options.flag} ${path}: holds more than 64 KiB`);
      return withoutLineBreak(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === 'PCRS_USAGE') throw error;
    throw usageError(
      `${options.flag} ${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`,
    );
  }
}

function tellOthersMayRead(path: string, mode: number, options: SecretFileOptions): void {
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  const message = `${options.flag} ${path}: others may read it (mode ${octal}); chmod go= it`;
  if (options.strict) throw usageError(message);
  options.warn(message);
}
