/** The part of undici's controller that pauses, resumes or aborts a body. */
interface BodyControl {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** Bytes that may wait for the reader before the socket pauses, and the level at which it resumes. */
const highBytes = 1024 * 1024;
const lowBytes = 256 * 1024;

/**
 * A body between the socket, which pushes, and the reader, which pulls.
 *
 * Limits  1 MiB waiting; beyond that the socket is paused (and `onPause` called, so that the gateway does not count
 *         as silent)
 */
export class ResponseBody {
  bytes = 0;
  /** Called with the size of each chunk as it arrives. */
  onBytes: ((count: number) => void) | undefined;
  readonly #control: BodyControl;
  readonly #onPause: (paused: boolean) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #paused = false;
  #over = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(control: BodyControl, onPause: (paused: boolean) => void) {
    this.#control = control;
    this.#onPause = onPause;
  }

  push(chunk: Uint8Array): void {
    if (this.#over) return;
    this.bytes += chunk.length;
    this.onBytes?.(chunk.length);
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > highBytes) this.#hold(true);
    this.#wakeReader();
  }

  /** Whether it broke off. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Called after the last byte. */
  end(): void {
    this.#over = true;
    this.#wakeReader();
  }

  /** Breaks the body off; the reader gets `error` at once, not after the waiting chunks. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#waiting = [];
    this.#wakeReader();
  }

  /** The chunks, once. A reader that leaves early cancels the request. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const chunk = await this.#next();
        if (chunk === undefined) return;
        yield chunk;
      }
    } finally {
      this.cancel();
    }
  }

  /** Ends the request of a body not read to its end, so that no connection stays open. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = [];
    this.#control.abort(new Error('not needed any more'));
    this.#wakeReader();
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#error !== undefined) throw this.#error;
    const chunk = this.#waiting.shift();
    this.#waitingBytes -= chunk?.length ?? 0;
    if (this.#waitingBytes < lowBytes && !this.#over) this.#hold(false);
    return chunk;
  }

  #hold(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#onPause(paused);
    if (paused) this.#control.pause();
    else this.#control.resume();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
