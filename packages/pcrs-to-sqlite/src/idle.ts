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
  try {
    for (;;) {
      const next = source.next();
      let result = await soonest(next, idleMs, signal);
      if (result === 'idle') {
        await onIdle();
        result = await soonest(next, undefined, signal);
      }
      if (result === 'idle' || result.done) return;
      yield result.value;
    }
  } finally {
    // A source that is waiting for its next item would let us wait too.
    source.return(undefined).catch(() => {});
  }
}

/**
 * A promise's value, or word that it takes too long. Not Promise.race: what never settles there, such as a
 * signal, keeps every value it raced with.
 */
function soonest<T>(
  promise: Promise<T>,
  limitMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<T | 'idle'> {
  return new Promise((resolve, reject) => {
    const timer =
      limitMs === undefined ? undefined : setTimeout(() => settle(() => resolve('idle')), limitMs);
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const settle = (tell: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      tell();
    };
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort);
    promise.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
  });
}
