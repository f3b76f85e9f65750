import { type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a program to its end, by default in the repository's folder and with our stdin, stdout and stderr. It has its
 * own process group, and signals that we get go to all of it, so that nothing is left running.
 *
 * Yields  its exit status; 128 and more if a signal ended it
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<number> {
  const group = process.platform !== 'win32';
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', detached: group, ...options });
  const pass = (signal: NodeJS.Signals): boolean =>
    group && child.pid !== undefined ? process.kill(-child.pid, signal) : child.kill(signal);
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  const { promise, resolve } = Promise.withResolvers<number>();
  child.on('error', (error) => {
    process.stderr.write(`${command}: ${error.message}\n`);
    resolve(127);
  });
  child.on('exit', (status, signal) => {
    resolve(status ?? { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal as string] ?? 137);
  });
  try {
    return await promise;
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}
