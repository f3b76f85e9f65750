let file = 0o600;
let directory = 0o700;

/** The mode of what a user asked for: 0600, or 0640 once the group may read. Secrets and locks are always 0600. */
export function fileMode(): number {
  return file;
}

/** The mode of folders: 0700, or 0750 once the group may read. */
export function directoryMode(): number {
  return directory;
}

/** From now on this process makes files and folders that its group can read, whatever its umask says. */
export function letGroupRead(): void {
  file = 0o640;
  directory = 0o750;
  try {
    process.umask(0o027);
  } catch {
    // A thread has no say in it: its process's umask stands.
  }
}
