import { type SpawnSyncReturns, spawnSync } from 'node:child_process';

/** Flags for a container of its own: pids from 1, another host name; it ends with its first process. */
const unshare = ['--pid', '--uts', '--ipc', '--mount', '--mount-proc', '--fork', '--kill-child'];

/** Why containers cannot be made here, as a test's `skip`; false if they can. */
export const noContainers: string | false =
  process.platform !== 'linux'
    ? 'PID namespaces are of Linux'
    : inContainer('probe', ['true']).status === 0
      ? false
      : 'unshare is not permitted here (it needs root, or user namespaces)';

/** The command and arguments that run a program as the first process of a container with that host name. */
export function containerCommand(host: string, program: readonly string[]): [string, string[]] {
  const root = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  // The program replaces the shell, and so becomes process 1.
  return ['unshare', [...root, ...unshare, 'sh', '-c', 'hostname "$0" && exec "$@"', host, ...program]];
}

/** Runs a program in a container to its end. */
export function inContainer(host: string, program: readonly string[]): SpawnSyncReturns<string> {
  const [command, args] = containerCommand(host, program);
  return spawnSync(command, args, { encoding: 'utf8' });
}
