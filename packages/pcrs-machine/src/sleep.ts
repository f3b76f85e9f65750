import { setTimeout as delay } from 'node:timers/promises';

/** Sleeps; if interrupted, throws the signal's reason at once. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await delay(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}
