import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** One tool of a pipe. */
export interface PipePart {
  /** Name of the tool. */
  tool: string;
  /** Path of its bin. */
  bin: string;
  args: readonly string[];
}

export interface PipeOptions {
  node: { path: string; flags: readonly string[] };
  env: Readonly<Record<string, string | undefined>>;
  /** Stops the pipe: the signal's reason may name the system signal to pass on. */
  signal: AbortSignal;
}

/** How a tool of the pipe ended. */
export interface PartStatus {
  tool: string;
  status: number;
}

/** After a stop, the sinks get this long to write down what came before they are stopped too. */
const sinkGraceMs = 1000;

/**
 * Starts tools and joins their pipes, stdout to stdin; the first one's stdin, the last one's stdout and
 * everybody's stderr are our own. Each tool is in a process group of its own, so that an interrupt at the
 * terminal reaches them through us and once.
 *
 * Yields  how each ended, in the order of the pipe
 * Throws  the system's error where one cannot be started; the others are ended
 */
export async function runPipe(parts: readonly PipePart[], options: PipeOptions): Promise<PartStatus[]> {
  const children: ChildProcess[] = [];
  const stopAll = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  // From the last to the first: a tool's stdout is then the write end of a pipe that nobody here ever reads.
  let next: Writable | 'inherit' = 'inherit';
  for (const part of parts.toReversed()) {
    const isFirst = children.length === parts.length - 1;
    const child: ChildProcess = spawn(options.node.path, [...options.node.flags, part.bin, ...part.args], {
      stdio: [isFirst ? 'inherit' : 'pipe', next, 'inherit'],
      env: options.env as NodeJS.ProcessEnv,
      detached: true,
    });
    children.unshift(child);
    if (next !== 'inherit') next.destroy();
    if (child.stdin) next = child.stdin;
  }
  const onStop = (): void => {
    const signal = (options.signal.reason as { signal?: NodeJS.Signals }).signal ?? 'SIGTERM';
    for (const child of children.slice(0, -1)) child.kill(signal);
    setTimeout(() => stopAll(signal), sinkGraceMs).unref();
  };
  if (options.signal.aborted) onStop();
  options.signal.addEventListener('abort', onStop, { once: true });
  try {
    return await Promise.all(parts.map((part, index) => ended(part.tool, children[index]!)));
  } catch (error) {
    stopAll('SIGTERM');
    throw error;
  } finally {
    options.signal.removeEventListener('abort', onStop);
  }
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

function ended(tool: string, child: ChildProcess): Promise<PartStatus> {
  const { promise, resolve, reject } = Promise.withResolvers<PartStatus>();
  child.on('error', reject);
  child.on('exit', (code, signal) =>
    resolve({ tool, status: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0) }),
  );
  return promise;
}
