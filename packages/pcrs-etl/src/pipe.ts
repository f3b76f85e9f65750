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
  /** Our pid: each tool ends by itself once this process is gone. */
  pid: number;
  /** Stops the pipe; its reason may name the system signal to pass on. */
  signal: AbortSignal;
  /**
   * Input of the first tool: a text, or a file, which stays complete for a tool whose parent is killed; absent: our
   * stdin.
   */
  input?: string | { file: string };
  /** Called with the pids as soon as the processes run. */
  onStart?(pids: readonly number[]): void;
}

/** How a tool of the pipe ended. */
export interface PartStatus {
  tool: string;
  status: number;
}

/** Result of a pipe. */
export interface PipeResult {
  /** In pipe order. */
  statuses: PartStatus[];
  /** Output of the last tool. */
  output: string;
}

/** After a stop, sinks get this long to finish writing before they are stopped too. */
const sinkGraceMs = 700;

/**
 * Starts tools and joins them, stdout to stdin; stderr is ours. Each tool has its own process group, so that an
 * interrupt at the terminal reaches it through us, and once.
 *
 * Yields  how each tool ended, and the last one's output: a few records, held in memory
 * Throws  the system's error if a tool cannot be started; the others are ended
 */
export async function runPipe(parts: readonly PipePart[], options: PipeOptions): Promise<PipeResult> {
  const { node, env, pid, signal } = options;
  const children: ChildProcess[] = [];
  // From last to first: each tool's stdout is then the write end of a pipe that this process never reads.
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
  // A tool that reads nothing, or ends early, is not an error here: its status shows it.
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

/** Passes a stop on to the tools; the sink comes last, so that it can finish writing. */
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
