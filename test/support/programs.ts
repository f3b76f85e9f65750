import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Simulator, type SimulatorOptions, startSimulator } from 'pcrs-simulator';
import { sourceEnvironment } from '../../scripts/source-bins.ts';

/** Result of a program. */
export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions extends SpawnOptions {
  /** Written to stdin, which is then closed; without it stdin is `/dev/null`. */
  input?: string | Uint8Array;
  /** The program is killed after this time, which fails the test; default a minute. */
  limitMs?: number;
  /** Called with the running program. */
  onStart?: (child: ChildProcess) => void;
}

/** Process groups running now: none of them outlives the tests, however these end. */
const running = new Set<number>();
process.on('exit', () => {
  for (const group of running) killGroup(group);
});
for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  process.once(signal, () => process.exit(status));

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Runs a program to its end. */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { input, limitMs = 60_000, onStart, ...rest } = options;
  const stdin = input === undefined ? 'ignore' : 'pipe';
  // In its own group, so that it can be killed with its whole pipe.
  const child = spawn(file, args, { stdio: [stdin, 'pipe', 'pipe'], detached: true, ...rest });
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const timer = setTimeout(() => {
    killGroup(child.pid!);
    reject(new Error(`still running after ${limitMs} ms: ${[file, ...args].join(' ')}\n${text(stderr)}`));
  }, limitMs);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', reject);
  child.on('close', (status, signal) => {
    resolve({ status, signal, stdout: text(stdout), stderr: text(stderr) });
  });
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  if (child.pid !== undefined) running.add(child.pid);
  onStart?.(child);
  try {
    return await promise;
  } finally {
    running.delete(child.pid ?? 0);
    clearTimeout(timer);
  }
}

/** Runs a line of bash to its end. */
export function bash(line: string, options: RunOptions): Promise<Ended> {
  return run('bash', ['-c', line], options);
}

/** NDJSON to values. */
// biome-ignore lint/suspicious/noExplicitAny: records of any kind
export function records(text: string): any[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** A simulator, and programs set up to use it. */
export interface Place {
  simulator: Simulator;
  /** The tools from source by name, and PCRS_* for this simulator; no real home directory. */
  env: Record<string, string>;
  /** A fresh, empty folder. */
  folder(): string;
  bash(line: string, options?: RunOptions): Promise<Ended>;
  close(): Promise<void>;
}

/** Starts a simulator and makes a place around it. */
export async function makePlace(name: string, options: SimulatorOptions = {}): Promise<Place> {
  const simulator = await startSimulator({ rateLimit: 'off', ...options });
  const home = mkdtempSync(join(tmpdir(), `pcrs-${name}-`));
  const env = sourceEnvironment({
    HOME: home,
    TMPDIR: home,
    PCRS_GATEWAY: simulator.gateway,
    PCRS_USERNAME: 'demo',
    PCRS_PASSWORD: 'correct horse',
    PCRS_STATE_DIR: join(home, 'state'),
    PCRS_RATE: '10000/1',
  });
  let folders = 0;
  const folder = (): string => {
    folders += 1;
    const path = join(home, String(folders));
    mkdirSync(path);
    return path;
  };
  return {
    simulator,
    env,
    folder,
    bash: (line, more = {}) => bash(line, { cwd: folder(), ...more, env: { ...env, ...more.env } }),
    close: async () => {
      await simulator.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
