import { spawnSync } from 'node:child_process';

/** The first line that a peer says of its version, or undefined where it is not there. */
export function versionOf(command: string, args: readonly string[] = ['--version']): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? (stdout || stderr).trim().split('\n')[0] : undefined;
}
