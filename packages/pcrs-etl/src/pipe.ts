import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
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
  /** Our own process number: each tool ends by itself once this process is gone. */
  pid: number;
  /** Stops the pipe: the signal's reason may name the system signal to pass on. */
  signal: AbortSignal;
  /** What the first tool reads: a text, or a file, which is whole for a tool whose parent is killed too; absent: our own stdin. */
  input?: string | { file: string };
  /** Told of the processes as soon as they are there. */
  onStart?(pids: readonly number[]): void;
}

/** How a tool of the pipe ended. */
export interface PartStatus {
  tool: string;
  status: number;
}

/** What came of a pipe. */
export interface PipeResult {
  /** In the order of the pipe. */
  statuses: PartStatus[];
  /** What the last tool wrote. */
  output: string;
}

/** After a stop, the sinks get this long to write down what came before they are stopped too. */
const sinkGraceMs = 700;

/**
 * Starts tools and joins their pipes, stdout to stdin. stderr is our own. Each tool is in a process group of
 * its own, so that an interrupt at the terminal reaches them through us, and once.
 *
 * Yields  how each ended, and what the last one wrote: a few records, held in memory
 * Throws  the system's error if one cannot be started; the others are ended
 */
export async function runPipe(parts: readonly PipePart[], options: PipeOptions): Promise<PipeResult> {
  const { node, env, pid, signal } = options;
  const children: ChildProcess[] = [];
  // From the last to the first: a tool's stdout is then the write end of a pipe that nobody here ever reads.
  let next: Writable | 'pipe' = 'pipe';
  for (const part of parts.toReversed()) {
    const isFirst = children.length === parts.length - 1;
    const stdin = isFirst ? stdinOf(options.input) : 'pipe';
    const child: ChildProcess = spawn(node.path, [...node.flags, part.bin, ...part.args], {
      stdio: [stdin, next, 'inherit'],
      env: { ...env, PCRS_PARENT_PID: String(pid) } as NodeJS.ProcessEnv,
      detached: true,
    });
    children.unshift(child);
    if (typeof stdin === 'number') closeSync(stdin);
    if (next !== 'pipe') next.destroy();
    if (child.stdin) next = child.stdin;
  }
  options.onStart?.(children.flatMap((child) => child.pid ?? []));
  // A tool that reads nothing, or ends early, is none of our trouble: its status tells.
  if (typeof options.input === 'string') children[0]!.stdin?.on('error', () => {}).end(options.input);
  const stopped = stopWith(signal, children);
  try {
    const [output, ...statuses] = await Promise.all([
      allOf(children.at(-1)!),
      ...parts.map((part, index) => ended(part.tool, children[index]!)),
    ]);
    return { statuses, output };
  } catch (error) {
    for (const child of children) child.kill('SIGTERM');
    throw error;
  } finally {
    stopped();
  }
}

function stdinOf(input: PipeOptions['input']): 'inherit' | 'pipe' | number {
  if (input === undefined) return 'inherit';
  return typeof input === 'string' ? 'pipe' : openSync(input.file, 'r');
}

/** Passes a stop on to the tools: the sink comes last, so that it can write down what came. */
function stopWith(signal: AbortSignal, children: readonly ChildProcess[]): () => void {
  const onStop = (): void => {
    const name = (signal.reason as { signal?: NodeJS.Signals }).signal ?? 'SIGTERM';
    for (const child of children.slice(0, -1)) child.kill(name);
    if (children.length === 1) children[0]!.kill(name);
    setTimeout(() => {
      for (const child of children) child.kill(name);
    }, sinkGraceMs).unref();
  };
  if (signal.aborted) onStop();
  signal.addEventListener('abort', onStop, { once: true });
  return () => signal.removeEventListener('abort', onStop);
}

async function allOf(last: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of last.stdout!.setEncoding('utf8')) text += chunk;
  return text;
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
