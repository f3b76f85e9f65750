/**
 * Lets a thread of its own show a lock's signs of life, so that they come while this one is busy for minutes, too.
 *
 * A lock that is held for a moment never gets that thread, which takes 50 ms of a core and 10 MB. Neither it nor the
 * timer keeps the process alive.
 *
 * Yields  what ends it
 */
export function keepBeating(path: string, nonce: string, everyMs: number): () => void {
  let stopped = false;
  let stop = (): void => {};
  const begin = async (): Promise<void> => {
    const { Worker } = await import('node:worker_threads');
    if (stopped) return;
    // Built or not, the thread's file lies beside this one and has its ending.
    const file = `./renewal-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`;
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path, nonce, everyMs },
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    // A thread that cannot be had leaves a lock that may be taken over; its holder finds out before it publishes.
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
