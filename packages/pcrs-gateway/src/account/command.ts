import { spawn } from 'node:child_process';
import { usageError } from '../ask/gateway-error.ts';
import { secretText } from './secret-text.ts';

const maxOutputBytes = 64 * 1024;
/** Wait for late output: processes that the command left running may hold its output open. */
const lastOutputMs = 200;

export interface CommandOptions {
  /** The flag that gave the command, for messages; the command itself is a secret. */
  flag: string;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Default 5 min: a person may have to touch a key. */
  timeoutMs?: number | undefined;
}

/**
 * Runs a command in the shell and returns what it printed; see secretText. Ends with the command, whatever the
 * command left running.
 *
 * Its stdin is empty (ours is the pipe). Its stderr is not shown: shells repeat the command there.
 *
 * Throws  PCRS_USAGE if it fails, or prints nothing or too much; the signal's reason
 */
export async function outputOf(command: string, options: CommandOptions): Promise<string> {
  const { flag, env, signal, timeoutMs = 300_000 } = options;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const child = spawn(command, { shell: true, env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
  // Processes that the shell started may hold the pipe open for long.
  const leave = () => {
    child.kill();
    child.stdout.destroy();
    child.unref();
  };
  const end = (message: string) => {
    leave();
    reject(usageError(`${flag}: the command ${message}; run it by hand to see why`));
  };
  const onAbort = () => {
    leave();
    reject(signal.reason);
  };
  const timer = setTimeout(() => end(`did not end within ${Math.round(timeoutMs / 1000)} s`), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  const chunks: Uint8Array[] = [];
  let length = 0;
  child.stdout.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxOutputBytes) end('printed more than 64 KiB');
  });
  child.on('error', (error) => end(`cannot be run (${(error as { code?: string }).code ?? 'no shell'})`));
  const finish = (status: number | null, killedBy: string | null) => {
    leave();
    if (status !== 0) return end(`ended ${killedBy === null ? `with status ${status}` : `by ${killedBy}`}`);
    const printed = Buffer.concat(chunks);
    if (/^\s*$/.test(printed.toString('latin1'))) end('printed nothing');
    else resolve(printed);
  };
  child.on('exit', (status, killedBy) => setTimeout(finish, lastOutputMs, status, killedBy).unref());
  child.on('close', finish);
  try {
    return secretText(await promise, `${flag}: the output of the command`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
