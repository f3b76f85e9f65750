import { spawnSync } from 'node:child_process';

/** The first line of a peer's version; undefined if it is not installed. */
export function versionOf(command: string, args: readonly string[] = ['--version']): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? (stdout || stderr).trim().split('\n')[0] : undefined;
}
