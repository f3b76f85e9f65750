/**
 * Detects a gateway that has gone silent.
 *
 * Time in which our own reader holds the body back does not count, nor does time in which this process was too busy
 * to look. undici's body timer stops while its reader is paused, and never resumes if the gateway fell silent then.
 */
export interface IdleWatch {
  /** A byte came. */
  touch(): void;
  /** Our reader holds the body back; the gateway is not to blame. */
  pause(): void;
  /** The reader is ready again. */
  resume(): void;
  stop(): void;
}

/** Calls `onIdle` once, after `timeoutMs` in which the gateway could have sent a byte and did not. */
export function watchIdle(timeoutMs: number, onIdle: () => void): IdleWatch {
  let idleMs = 0;
  let since: number | undefined = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const elapsed = () => idleMs + (since === undefined ? 0 : performance.now() - since);
  const arm = () => {
    timer = setTimeout(check, Math.max(1, timeoutMs - elapsed()));
  };
  const check = () => {
    timer = undefined;
    if (stopped || since === undefined) return;
    if (elapsed() < timeoutMs) return arm();
    // Bytes may wait in the socket because this process was busy; one turn of the event loop reads them first.
    setImmediate(() => {
      if (stopped || since === undefined) return;
      if (elapsed() < timeoutMs) return arm();
      stopped = true;
      onIdle();
    });
  };
  arm();

  return {
    touch() {
      idleMs = 0;
      if (since !== undefined) since = performance.now();
    },
    pause() {
      idleMs = elapsed();
      since = undefined;
    },
    resume() {
      if (since !== undefined || stopped) return;
      since = performance.now();
      if (timer === undefined) arm();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
