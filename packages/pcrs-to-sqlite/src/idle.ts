/** Action to take once an item takes longer than this. */
interface Idle {
  afterMs: number;
  act(): Promise<void>;
}

/**
 * Items of a source until a signal aborts, with an action when the source is silent.
 *
 * Takes   signal  ends the wait with its reason
 * Throws  whatever the source and `idle.act` throw
 */
export async function* waitedFor<T>(
  source: AsyncGenerator<T>,
  signal: AbortSignal | undefined,
  idle?: Idle,
): AsyncGenerator<T> {
  try {
    for (;;) {
      const next = source.next();
      let result = await soonest(next, idle?.afterMs, signal);
      if (result === 'idle') {
        await idle?.act();
        result = await soonest(next, undefined, signal);
      }
      if (result === 'idle' || result.done) return;
      yield result.value;
    }
  } finally {
    // Not awaited: a source waiting for its next item would make us wait too.
    source.return(undefined).catch(() => {});
  }
}

/**
 * A promise's value, or a sign that it takes too long. Not Promise.race: there a promise that never settles, such as
 * a signal's, keeps every value it raced with.
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
