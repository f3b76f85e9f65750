/**
 * Items of a source, with word of the source being silent.
 *
 * Takes   onIdle  called once when an item takes longer than `idleMs`
 *         signal  ends the waiting with its reason
 * Throws  what the source and `onIdle` throw
 */
export async function* tellingOfIdle<T>(
  source: AsyncGenerator<T>,
  idleMs: number,
  onIdle: () => Promise<void>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  let stop = (_reason: unknown): void => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  stopped.catch(() => {});
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const next = source.next();
      next.catch(() => {});
      let timer: NodeJS.Timeout | undefined;
      const idle = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, idleMs, undefined);
      });
      let result = await Promise.race([next, idle, stopped]);
      clearTimeout(timer);
      if (result === undefined) {
        await onIdle();
        result = await Promise.race([next, stopped]);
      }
      if (result.done) return;
      yield result.value;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    // A source that is waiting for its next item would let us wait too.
    source.return(undefined).catch(() => {});
  }
}
