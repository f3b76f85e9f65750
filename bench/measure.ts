import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command to time: one line of bash, run as a whole in its own folder. */
export interface Contender {
  name: string;
  /** `$DATA` is the folder of the inputs, `$INPUT` the records in the contest's order; it runs in an empty folder. */
  command: string;
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
  runs: readonly Run[];
}

interface Run {
  seconds: number;
  cpuSeconds?: number;
  peakMB?: number;
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
  const [cpu, peaks] = [
    known(runs.map(({ cpuSeconds }) => cpuSeconds)),
    known(runs.map(({ peakMB }) => peakMB)),
  ];
  return {
    name,
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: cpu.length > 0 ? median(cpu) : undefined,
    peakMB: peaks.length > 0 ? Math.max(...peaks) : undefined,
    runs,
  };
}

async function runOnce({ name, command }: Contender, env: NodeJS.ProcessEnv): Promise<Run> {
  const out = mkdtempSync(join(tmpdir(), 'pcrs-bench-'));
  const report = join(out, '.time');
  const words = existsSync(gnuTime)
    ? [gnuTime, '-f', '%U %S %M', '-o', report, 'bash', '-o', 'pipefail', '-c', command]
    : ['bash', '-o', 'pipefail', '-c', command];
  const errors = openSync(join(out, '.stderr'), 'w');
  try {
    const startedAt = performance.now();
    const child = spawn(words[0]!, words.slice(1), {
      cwd: out,
      env,
      stdio: ['ignore', 'ignore', errors],
    });
    const status = await new Promise<number | null>((resolve) => child.on('exit', resolve));
    const seconds = (performance.now() - startedAt) / 1000;
    if (status !== 0)
      throw new Error(`${name} ended ${status}: ${readFileSync(join(out, '.stderr'), 'utf8').slice(-2000)}`);
    if (!existsSync(report)) return { seconds };
    const [user, system, kiB] = readFileSync(report, 'utf8')
      .trim()
      .split('\n')
      .at(-1)!
      .split(' ')
      .map(Number);
    return { seconds, cpuSeconds: user! + system!, peakMB: (kiB! * 1024) / 1e6 };
  } finally {
    closeSync(errors);
    rmSync(out, { recursive: true, force: true });
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
