/** System error codes in words. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory',
  ELOOP: 'the links form a loop',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the device failed',
  ESTALE: 'the network file system lost it',
  EMFILE: 'too many files are open',
  ENOLCK: 'the file system does not support locks',
  ENOENT: 'does not exist',
};

/**
 * An error of this machine: `place: what`, code PCRS_MACHINE. An error with one of our codes is returned as it is.
 *
 * Takes  error  the file system's, or any other
 */
export function machineError(place: string, error: unknown): Error & { code: string } {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.startsWith('PCRS_')) return error as Error & { code: string };
  return codedError('PCRS_MACHINE', `${place}: ${reasonOf(code) ?? message}`);
}

/** `the disk is full (ENOSPC)`; undefined for an unknown code. */
function reasonOf(code: string | undefined): string | undefined {
  const reason = code === undefined ? undefined : reasons[code];
  return reason && `${reason} (${code})`;
}

/** An error with one of the suite's codes. */
export function codedError(
  code: 'PCRS_MACHINE' | 'PCRS_USAGE' | 'PCRS_BUSY',
  message: string,
): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}

/** The `code` of a system error. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
