import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { LockOptions } from 'pcrs-machine/lock';
import { codeOf } from 'pcrs-records/errors';
import { isWaitedOut, withStateLock } from '../account/state-lock.ts';
import { emptyState, type PacingState, parseState } from './pacing-state.ts';

/** A state that several processes read and change, one at a time. */
export interface SharedState {
  /** Runs `work` on the state and stores the change. */
  change<T>(signal: AbortSignal, work: (state: PacingState) => T): Promise<T>;
}

/** A state of this process alone. */
export function memoryState(): SharedState {
  const state = emptyState();
  return { change: async (_signal, work) => work(state) };
}

/**
 * A state in a file, under a lock.
 *
 * Takes   onUnwritable   called once if the file cannot be written; from then on the state is private to this process
 */
export function fileState(
  path: string,
  locking: Omit<LockOptions, 'signal'>,
  onUnwritable: (error: unknown) => void,
): SharedState {
  let fallback: SharedState | undefined;
  return {
    async change(signal, work) {
      if (fallback) return fallback.change(signal, work);
      let done: { value: Awaited<ReturnType<typeof work>> } | undefined;
      try {
        await withStateLock(`${path}.lock`, { ...locking, signal }, () => {
          const state = read(path);
          done = { value: work(state) as never };
          write(path, state);
        });
      } catch (error) {
        signal.throwIfAborted();
        if (codeOf(error) === 'PCRS_USAGE' || isWaitedOut(error)) throw error;
        fallback = memoryState();
        onUnwritable(error);
        if (!done) return fallback.change(signal, work);
      }
      return done!.value;
    },
  };
}

function read(path: string): PacingState {
  try {
    return parseState(readFileSync(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return emptyState();
    throw error;
  }
}

/** Written by rename, so that a killed process leaves the old state or the new one. */
function write(path: string, state: PacingState): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
  renameSync(temporary, path);
}
