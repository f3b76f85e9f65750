import { spawn } from 'node:child_process';
import { usageError } from '../ask/gateway-error.ts';

const maxOutputBytes = 64 * 1024;

export interface CommandOptions {
  /** The flag it came by, for messages; the command itself is a secret. */
  flag: string;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Default 5 min: a person may have to touch a key. */
  timeoutMs?: number | undefined;
}

/**
 * Runs a command in the shell and gives what it printed, without the line break at its end.
 *
 * Its stdin is empty (ours is the pipe), and its stderr is not shown: a shell repeats there what it was told to run.
 *
 * Throws  PCRS_USAGE where it fails, prints nothing or too much; the signal's reason
 */
export async function outputOf(command: string, options: CommandOptions): Promise<string> {
  const { flag, env, signal, timeoutMs = 300_000 } = options;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, { shell: true, env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
  // What the shell started may hold the pipe open for longer than anybody waits.
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
  child.on('close', (status, killedBy) => {
    const text = withoutLineBreak(Buffer.concat(chunks).toString('utf8'));
    if (status !== 0) end(`ended ${killedBy === null ? `with status ${status}` : `by ${killedBy}`}`);
    else if (text === '') end('printed nothing');
    else resolve(text);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** A secret as it stands in a file or comes from a command: one line break at its end is not part of it. */
export function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '');
}
