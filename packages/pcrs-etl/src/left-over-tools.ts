import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Holder, isGone, thisProcess } from 'pcrs-machine/process-alive';

/** A killed run's tools notice within a second or two that their parent is gone. */
const longestWaitMs = 10_000;

/** Records the processes of a pipe, so that the next start waits for them if this one is killed. */
export function noteTools(file: string, pids: readonly number[]): void {
  const { machine } = thisProcess();
  const holders: Holder[] = pids.map((pid) => ({ pid, machine, started: null }));
  writeFileSync(file, JSON.stringify(holders), { mode: 0o600 });
}

/** Deletes the record, once they have ended. */
export function forgetTools(file: string): void {
  rmSync(file, { force: true });
}

/** Waits until the tools of a killed run have ended. */
export async function leftOverToolsEnded(file: string, signal: AbortSignal): Promise<void> {
  const holders = existsSync(file) ? holdersIn(readFileSync(file, 'utf8')) : [];
  const deadline = performance.now() + longestWaitMs;
  while (!holders.every(isGone) && performance.now() < deadline) await sleep(50, undefined, { signal });
  forgetTools(file);
}

/** Processes of another machine or container cannot be checked; their locks protect what they hold. */
function holdersIn(text: string): Holder[] {
  try {
    const { machine } = thisProcess();
    return (JSON.parse(text) as Holder[]).filter((holder) => holder.machine === machine);
  } catch {
    return [];
  }
}
