import { isGone, isHere, thisProcess, uniqueName } from 'pcrs-machine/process-alive';
import { sleep } from 'pcrs-machine/sleep';
import { codeOf } from 'pcrs-records/errors';
import { privateDirectory, safeName } from '../account/state-directory.ts';
import type { StateLocking } from '../account/state-lock.ts';
import type { Endpoint } from '../ask/api-versions.ts';
import { decimal, header } from '../ask/retry.ts';
import type { HttpHeaders } from '../http/exchange.ts';
import { causeOf, describe, knownMs } from './hindrance-words.ts';
import {
  allowance,
  block,
  depart,
  type Hindrance,
  hear,
  hindrance,
  land,
  type PacingRule,
  type PacingState,
  type Slot,
  slotHeartbeatMs,
  type Whereabouts,
} from './pacing-state.ts';
import { fileState, memoryState, type SharedState } from './shared-state.ts';

/** Permission to send one request now. */
export interface Permit {
  /** Call with the head of the answer, whose headers show the limits. */
  landed(headers: HttpHeaders): Promise<void>;
  /** Call when the request is over, also if it failed. */
  leave(): Promise<void>;
}

/** The wait would take longer than the patience. */
export interface Blocked {
  /** 0 if nobody knows: others' requests are in flight. */
  waitMs: number;
  /** So far. */
  waitedMs: number;
  why: string;
}

export interface PacingOptions extends PacingRule {
  /** The state directory if it is writable; read once at the first request. */
  stateRoot: string | undefined;
  gateway: string;
  username: string | undefined;
  uid: number | undefined;
  signal: AbortSignal;
  locking?: StateLocking | undefined;
  onUnwritable(error: unknown): void;
  /** Called with a message about a long wait that the gateway gave to another process. */
  info(message: string): void;
  /** Called with the reason for waiting, and with undefined when the wait is over. */
  waiting(text: string | undefined): void;
  /** Called at each request with the number of further requests allowed right now, and the window's seconds. */
  allowed(left: number, seconds: number): void;
}

const longestNapMs = 1000;
/**
 * Waits this long are logged. A wait for our own rate or another request is the normal pace, logged after a minute.
 */
const toldFromMs = 5000;
const ordinaryMs = 60_000;

/**
 * Decides who may send when: at most `rate` per gateway, user and endpoint, and at most `concurrency` in flight,
 * across all processes of this user on this machine; less if the gateway's headers say less; nobody before the end of
 * a wait that one of them was given.
 *
 * Limits  a window that rolls like the gateway's (Qualys: 25 requests in 60 s for each API); see landingMs for the
 *         part that may stay unused
 */
export class Pacing {
  readonly #options: PacingOptions;
  readonly #gates = new Map<Endpoint, Gate>();

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** Waits for permission to send; gives up if that takes more than `patienceMs`, for any reason. */
  enter(endpoint: Endpoint, patienceMs: number): Promise<Permit | Blocked> {
    return this.#gate(endpoint).enter(patienceMs);
  }

  /** Records a wait demanded by the gateway. This process keeps it to the end, others for at most 15 minutes. */
  block(endpoint: Endpoint, waitMs: number, why: string): Promise<void> {
    return this.#gate(endpoint).block(waitMs, why);
  }

  #gate(endpoint: Endpoint): Gate {
    let gate = this.#gates.get(endpoint);
    if (!gate) {
      gate = new Gate(this.#options, this.#openState(endpoint));
      this.#gates.set(endpoint, gate);
    }
    return gate;
  }

  #openState(endpoint: Endpoint): SharedState {
    const { stateRoot, gateway, username = '-', uid, info, locking, onUnwritable } = this.#options;
    if (stateRoot === undefined) {
      onUnwritable(undefined);
      return memoryState();
    }
    try {
      const directory = privateDirectory(stateRoot, ['pacing', safeName(new URL(gateway).host)], uid);
      const file = `${directory}/${safeName(username)}.${endpoint}.json`;
      return fileState(file, { what: 'the pace', info, ...locking }, onUnwritable);
    } catch (error) {
      if (codeOf(error) === 'PCRS_USAGE') throw error;
      onUnwritable(error);
      return memoryState();
    }
  }
}

interface Entered {
  kind: 'entered';
  slot: string;
  /** The latest time at which the gateway counts the request. */
  latestMs: number;
}

/** The queue of one endpoint. */
class Gate {
  readonly #options: PacingOptions;
  readonly #state: SharedState;
  readonly #mine = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** The wait given to this process, by its own monotonic clock. */
  #blocked: { untilMs: number; why: string } | undefined;
  /** Waits up to this time have been logged, by the same clock. */
  #toldUntilMs = 0;

  constructor(options: PacingOptions, state: SharedState) {
    this.#options = options;
    this.#state = state;
  }

  /** In order: first come, first served within a process. */
  enter(patienceMs: number): Promise<Permit | Blocked> {
    const patienceEndsMs = performance.now() + patienceMs;
    const entered = this.#turn.then(() => this.#wait(patienceEndsMs));
    this.#turn = entered.catch(() => {});
    return entered;
  }

  async block(waitMs: number, why: string): Promise<void> {
    const untilMs = performance.now() + waitMs;
    this.#toldUntilMs = Math.max(this.#toldUntilMs, untilMs);
    if (untilMs > (this.#blocked?.untilMs ?? 0)) this.#blocked = { untilMs, why };
    await this.#state.change(this.#options.signal, (state) => block(state, waitMs, why, Date.now()));
  }

  async #wait(patienceEndsMs: number): Promise<Permit | Blocked> {
    const startedMs = performance.now();
    let told = false;
    try {
      for (let naps = 0; ; naps += 1) {
        const inTheWay = await this.#state.change(this.#options.signal, (state) => this.#tryIn(state));
        if (inTheWay.kind === 'entered') return this.#permit(inTheWay);
        const now = performance.now();
        const waitMs = inTheWay.kind === 'slot' ? 0 : inTheWay.waitMs;
        if (now + waitMs >= patienceEndsMs)
          return { waitMs, waitedMs: now - startedMs, why: causeOf(inTheWay) };
        this.#tell(inTheWay, startedMs);
        this.#options.waiting(describe(inTheWay));
        told = true;
        await this.#nap(inTheWay, naps);
      }
    } finally {
      if (told) this.#options.waiting(undefined);
    }
  }

  /** Logs other reasons for waiting, once per wait; the wait given to this process is already logged. */
  #tell(inTheWay: Hindrance, startedMs: number): void {
    const now = performance.now();
    const waitMs = knownMs(inTheWay);
    if (waitMs === undefined) {
      if (now - startedMs < ordinaryMs || startedMs < this.#toldUntilMs) return;
      this.#toldUntilMs = now;
      this.#options.info(`${causeOf(inTheWay)} for a minute; waiting on`);
      return;
    }
    const isOrdinary = inTheWay.kind === 'rate' && inTheWay.isOurs;
    const untilMs = now + waitMs;
    if (waitMs <= (isOrdinary ? ordinaryMs : toldFromMs) || untilMs <= this.#toldUntilMs + 1000) return;
    this.#toldUntilMs = untilMs;
    const cause = causeOf(inTheWay);
    const what = inTheWay.kind === 'blocked' ? `another process was asked to wait (${cause})` : cause;
    this.#options.info(`${what}; waiting ${Math.ceil(waitMs / 1000)} s`);
  }

  #told(): Hindrance | undefined {
    const waitMs = (this.#blocked?.untilMs ?? 0) - performance.now();
    return waitMs > 0 ? { kind: 'blocked', waitMs, why: this.#blocked!.why } : undefined;
  }

  #tryIn(state: PacingState): Hindrance | Entered {
    const now = Date.now();
    const told = this.#told();
    if (told !== undefined) return told;
    const inTheWay = hindrance(state, this.#options, now, (slot) => this.#whereabouts(slot));
    if (inTheWay !== undefined) return inTheWay;
    const entered: Entered = {
      kind: 'entered',
      slot: uniqueName(),
      latestMs: depart(state, this.#options, now),
    };
    state.inFlight.push({ ...thisProcess(), id: entered.slot, seenMs: now });
    const { left, seconds } = allowance(state, this.#options, now);
    this.#options.allowed(left, seconds);
    return entered;
  }

  #whereabouts(slot: Slot): Whereabouts {
    if (this.#mine.has(slot.id)) return 'here';
    if (!isHere(slot)) return 'elsewhere';
    return isGone(slot) ? 'gone' : 'here';
  }

  /** Sleeps as long as known, or until a request of this process ends; polls for others' slots. */
  async #nap(inTheWay: Hindrance, naps: number): Promise<void> {
    const ms = inTheWay.kind === 'slot' ? Math.min(200, 10 * 1.3 ** Math.min(naps, 20)) : inTheWay.waitMs;
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const signal = AbortSignal.any([this.#options.signal, over.signal]);
    const nap = sleep(Math.min(longestNapMs, ms), signal).catch(() => {});
    await Promise.race([nap, woken]);
    over.abort();
    this.#wake = undefined;
    this.#options.signal.throwIfAborted();
  }

  #permit({ slot, latestMs }: Entered): Permit {
    let isLanded = false;
    this.#mine.add(slot);
    this.#beat();
    const landOnce = (state: PacingState, now: number) => {
      if (!isLanded) land(state, latestMs, now);
      isLanded = true;
    };
    return {
      landed: (headers) =>
        this.#change((state) => {
          const now = Date.now();
          landOnce(state, now);
          hear(state, this.#options, whatIsSaid(headers), now);
        }),
      leave: async () => {
        this.#mine.delete(slot);
        if (this.#mine.size === 0) clearInterval(this.#heartbeat);
        await this.#change((state) => {
          landOnce(state, Date.now());
          state.inFlight = state.inFlight.filter((held) => held.id !== slot);
        });
        this.#wake?.();
      },
    };
  }

  /** Runs even when interrupted: a slot that is returned need not go stale. */
  #change(work: (state: PacingState) => void): Promise<void> {
    const { signal } = this.#options;
    return this.#state.change(signal.aborted ? AbortSignal.timeout(500) : signal, work).catch(() => {});
  }

  #beat(): void {
    if (this.#mine.size > 1) return;
    this.#heartbeat = setInterval(() => {
      void this.#change((state) => {
        for (const slot of state.inFlight) if (this.#mine.has(slot.id)) slot.seenMs = Date.now();
      });
    }, slotHeartbeatMs);
    this.#heartbeat.unref();
  }
}

function whatIsSaid(headers: HttpHeaders) {
  return {
    limit: decimal(header(headers, 'x-ratelimit-limit')),
    seconds: decimal(header(headers, 'x-ratelimit-window-sec')),
    remaining: decimal(header(headers, 'x-ratelimit-remaining')),
  };
}
