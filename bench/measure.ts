import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command to time: one line of bash, run as a whole in a folder of its own. */
export interface Contender {
  name: string;
  /** `$DATA` is the folder of the input, `$OUT` an empty folder of this run. */
  command: string;
}

export interface Measured {
  name: string;
  /** Median over the rounds. */
  seconds: number;
  /** Of the largest process, in MiB; undefined without GNU time. */
  peakMiB: number | undefined;
  runs: number[];
}

const gnuTime = '/usr/bin/time';

/**
 * Times commands in turn (A B C, A B C, …), so that a machine whose speed drifts does so for all.
 *
 * Throws  where a command fails: a contender that did not do its work is no measure
 */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  env: NodeJS.ProcessEnv,
): Promise<Measured[]> {
  const results = contenders.map(({ name }) => ({
    name,
    seconds: 0,
    peakMiB: undefined as number | undefined,
    runs: [] as number[],
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const result = results[index]!;
      const { seconds, peakMiB } = await runOnce(contender, env);
      result.runs.push(seconds);
      if (peakMiB !== undefined) result.peakMiB = Math.max(result.peakMiB ?? 0, peakMiB);
      process.stderr.write(`bench: ${contender.name}: ${seconds.toFixed(2)} s\n`);
    }
  }
  for (const result of results) result.seconds = median(result.runs);
  return results;
}

async function runOnce(
  { name, command }: Contender,
  env: NodeJS.ProcessEnv,
): Promise<{ seconds: number; peakMiB: number | undefined }> {
  const out = mkdtempSync(join(tmpdir(), 'pcrs-bench-'));
  const report = join(out, '.time');
  const words = existsSync(gnuTime)
    ? [gnuTime, '-f', '%M', '-o', report, 'bash', '-o', 'pipefail', '-c', command]
    : ['bash', '-o', 'pipefail', '-c', command];
  const errors = openSync(join(out, '.stderr'), 'w');
  try {
    const startedAt = performance.now();
    const child = spawn(words[0]!, words.slice(1), {
      cwd: out,
      env: { ...env, OUT: out },
      stdio: ['ignore', 'ignore', errors],
    });
    const status = await new Promise<number | null>((resolve) => child.on('exit', resolve));
    const seconds = (performance.now() - startedAt) / 1000;
    if (status !== 0)
      throw new Error(`${name} ended ${status}: ${readFileSync(join(out, '.stderr'), 'utf8').slice(-2000)}`);
    const peakMiB = existsSync(report)
      ? Number(readFileSync(report, 'utf8').trim().split('\n').at(-1)) / 1024
      : undefined;
    return { seconds, peakMiB };
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
