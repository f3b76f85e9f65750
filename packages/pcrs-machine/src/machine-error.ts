/** What the system's codes mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory',
  ELOOP: 'links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the device failed',
  ESTALE: 'the network file system lost it',
  EMFILE: 'too many files are open',
  ENOLCK: 'the file system has no locks',
  ENOENT: 'does not exist',
};

/**
 * A failure of this machine: `place: what`, with code PCRS_MACHINE; an error that has one of our codes stays as it is.
 *
 * Takes  error  of the file system, or any other
 */
export function machineError(place: string, error: unknown): Error & { code: string } {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.startsWith('PCRS_')) return error as Error & { code: string };
  return codedError('PCRS_MACHINE', `${place}: ${reasonOf(code) ?? message}`);
}

/** `the disk is full (ENOSPC)`; undefined for a code that is not known here. */
export function reasonOf(code: string | undefined): string | undefined {
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

/** The `code` of an error of the system. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
