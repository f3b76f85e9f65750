let file = 0o600;
let directory = 0o700;

/** Mode of output files: 0600, or 0640 once the group may read. Secrets and locks are always 0600. */
export function fileMode(): number {
  return file;
}

/** Mode of folders: 0700, or 0750 once the group may read. */
export function directoryMode(): number {
  return directory;
}

/** From now on, files and folders of this process are readable by the group. */
export function letGroupRead(): void {
  file = 0o640;
  directory = 0o750;
  try {
    process.umask(0o027);
  } catch {
    // A thread cannot set it: the umask of its process applies.
  }
}
