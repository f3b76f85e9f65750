/**
 * Writes a lock's heartbeats from its own thread, so that they continue while this thread is busy for minutes.
 *
 * The thread takes 50 ms of a core and 10 MB, so a lock held only briefly never starts it. Neither the thread nor the
 * timer keeps the process alive.
 *
 * Yields  a function that stops the heartbeats
 */
export function keepBeating(path: string, nonce: string, everyMs: number): () => void {
  let stopped = false;
  let stop = (): void => {};
  const begin = async (): Promise<void> => {
    const { Worker } = await import('node:worker_threads');
    if (stopped) return;
    // The thread's file is next to this one, with the same ending, built or not.
    const file = `./renewal-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path, nonce, everyMs },
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    // Without its thread the lock may be taken over; its holder finds out before it publishes.
    worker.on('error', () => {});
    worker.unref();
    stop = () => void worker.terminate();
  };
  const timer = setTimeout(() => void begin(), Math.min(1000, everyMs / 2));
  timer.unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
