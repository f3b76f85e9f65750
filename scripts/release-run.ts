import { spawn } from 'node:child_process';

/**
 * Runs a program to its end, without stdin, and without anything that npm or our shell put into the environment.
 *
 * Takes   env  added to the environment
 * Yields  its stdout
 * Throws  the command, its status and its output if it does not end with 0
 */
export function output(
  [command = '', ...args]: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PCRS_|NODE_(?!EXTRA_CA_CERTS$)|npm_|pnpm_|XDG_)/i.test(name),
  );
  const child = spawn(command, args, {
    cwd,
    env: { ...Object.fromEntries(kept), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) return resolve(written.stdout);
      const said = `${written.stderr}${written.stdout}`.trim().split('\n').slice(-20).join('\n  ');
      reject(new Error(`${[command, ...args].join(' ')}: ended ${status ?? signal}:\n  ${said}`));
    });
  });
}
