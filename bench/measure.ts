import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command to time: one line of bash, run as a whole in its own folder. */
export interface Contender {
  name: string;
  /** `$DATA` is the folder of the inputs, `$INPUT` the records in the contest's order; it runs in an empty folder. */
  command: string;
  /** What it reads from stdin: a command whose CPU and memory are not its own. */
  feed?: string;
  /** A command before it that is not timed. */
  before?: string;
  /** A command after it that prints a number, such as the size of what it wrote. */
  count?: string;
  /** Takes minutes. */
  isSlow?: boolean;
}

export interface Measured {
  name: string;
  /** Median over the rounds. */
  seconds: number;
  /** Median of user and system time, all processes and threads together; undefined without GNU time. */
  cpuSeconds: number | undefined;
  /** Of the largest process, over all rounds; undefined without GNU time. */
  peakMB: number | undefined;
  /** The greatest number that its `count` printed. */
  count: number | undefined;
  runs: readonly Run[];
}

interface Run {
  seconds: number;
  cpuSeconds?: number;
  peakMB?: number;
  count?: number;
}

const gnuTime = '/usr/bin/time';

/**
 * Times commands in turn (A B C, A B C, …), so that a machine whose speed drifts affects all alike.
 *
 * Throws  if a command fails: a contender that did not do its work is not a measure
 */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  env: NodeJS.ProcessEnv,
): Promise<Measured[]> {
  const runs = contenders.map((): Run[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const run = await runOnce(contender, env);
      runs[index]!.push(run);
      const cpu = run.cpuSeconds === undefined ? '' : `, ${run.cpuSeconds.toFixed(2)} s of CPU`;
      process.stderr.write(`bench: ${contender.name}: ${run.seconds.toFixed(2)} s${cpu}\n`);
    }
  }
  return contenders.map(({ name }, index) => summary(name, runs[index]!));
}

function summary(name: string, runs: readonly Run[]): Measured {
  const known = (values: readonly (number | undefined)[]) => values.filter((value) => value !== undefined);
  const [cpu, peaks, counts] = [
    known(runs.map(({ cpuSeconds }) => cpuSeconds)),
    known(runs.map(({ peakMB }) => peakMB)),
    known(runs.map(({ count }) => count)),
  ] as const;
  return {
    name,
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: cpu.length > 0 ? median(cpu) : undefined,
    peakMB: peaks.length > 0 ? Math.max(...peaks) : undefined,
    count: counts.length > 0 ? Math.max(...counts) : undefined,
    runs,
  };
}

async function runOnce(contender: Contender, env: NodeJS.ProcessEnv): Promise<Run> {
  const { name, command, feed, before, count } = contender;
  const out = mkdtempSync(join(tmpdir(), 'pcrs-bench-'));
  const report = join(out, '.time');
  const timed = [
    ...(existsSync(gnuTime) ? [gnuTime, '-f', '%U %S %M', '-o', report] : []),
    ...['bash', '-o', 'pipefail', '-c', command],
  ];
  const fed = ['bash', '-o', 'pipefail', '-c', `${feed} | "$@"`, 'bash', ...timed];
  const words = feed === undefined ? timed : fed;
  const errors = openSync(join(out, '.stderr'), 'w');
  const failure = (status: number | null): Error =>
    new Error(`${name} ended ${status}: ${readFileSync(join(out, '.stderr'), 'utf8').slice(-2000)}`);
  const untimed = (line: string): string => {
    const ran = spawnSync('bash', ['-c', line], {
      ...{ cwd: out, env, encoding: 'utf8' },
      stdio: ['ignore', 'pipe', errors],
    });
    if (ran.status !== 0) throw failure(ran.status);
    return ran.stdout;
  };
  try {
    if (before !== undefined) untimed(before);
    const startedAt = performance.now();
    const child = spawn(words[0]!, words.slice(1), { cwd: out, env, stdio: ['ignore', 'ignore', errors] });
    const status = await new Promise<number | null>((resolve) => child.on('exit', resolve));
    const seconds = (performance.now() - startedAt) / 1000;
    if (status !== 0) throw failure(status);
    return {
      seconds,
      ...(existsSync(report) ? reported(readFileSync(report, 'utf8')) : {}),
      ...(count === undefined ? {} : { count: Number(untimed(count)) }),
    };
  } finally {
    closeSync(errors);
    rmSync(out, { recursive: true, force: true });
  }
}

/** Takes  report  what GNU time wrote: seconds of the user and of the system, and KiB */
function reported(report: string): Omit<Run, 'seconds'> {
  const [user, system, kiB] = report.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { cpuSeconds: user! + system!, peakMB: (kiB! * 1024) / 1e6 };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
