import { hostname } from 'node:os';
import {
  beat,
  bury,
  type Claim,
  giveBack,
  look,
  newClaim,
  removeGrave,
  type Seen,
  tryToClaim,
} from './lock-file.ts';
import { codedError, machineError } from './machine-error.ts';
import { isGone, isHere, thisProcess } from './process-alive.ts';
import { keepBeating } from './renewal.ts';
import { sleep } from './sleep.ts';

/** A lock on a folder, an archive or a file, held by one process. */
export interface Lock {
  /**
   * Call before each rename and delete: a machine that slept may have lost the lock.
   *
   * Throws  PCRS_MACHINE if another process has taken the lock over
   */
  stillMine(): void;
  /** Whether it is: for what is only tidied up. */
  isMine(): boolean;
  /** Identifies this claim, for a process that works for this one; see requireHeld. */
  readonly nonce: string;
  /** Releases the lock, if this claim still holds it. */
  release(): void;
}

/** Heartbeat interval of a holder, and how long a silent holder keeps its lock. In milliseconds. */
export interface LockTimes {
  renewMs: number;
  leaseMs: number;
  /** The longest wait for a heartbeat. */
  waitMs: number;
}

export interface LockOptions {
  /** What is locked, for messages: `out`. */
  what: string;
  signal: AbortSignal;
  /** Called with a message about waiting. */
  info(message: string): void;
  times?: LockTimes | undefined;
  /** Nonce of the lock above, if this process works under one that covers this lock; see PCRS_HELD_LOCK. */
  under?: string | undefined;
  /** Longest wait of `withLock`, in milliseconds. */
  maxWaitMs?: number | undefined;
}

/**
 * A heartbeat every 30 s, takeover after two minutes of silence, a wait of at most 150 s.
 *
 * Takes  env  PCRS_LOCK_LEASE, for tests only: seconds instead of two minutes, the others in proportion
 */
export function lockTimes(env: Readonly<Record<string, string | undefined>>): LockTimes {
  const leaseMs = (Number(env['PCRS_LOCK_LEASE']) || 120) * 1000;
  return { renewMs: leaseMs / 4, leaseMs, waitMs: leaseMs * 1.25 };
}

/** Live claims of this process. Another claim with its pid is left over from an earlier process. */
const inForce = new Set<string>();
/** Longer waits are logged. */
const saidFromMs = 5000;

/**
 * Takes a lock for a whole run.
 *
 * A holder that is gone is replaced at once. A holder that cannot be checked, on another machine or in another
 * container, is replaced after two minutes without a heartbeat, by this process's own clock, suspensions not counted.
 *
 * Throws  PCRS_BUSY if the holder is alive; PCRS_MACHINE if the file cannot be made; the signal's reason
 */
export async function openLock(path: string, options: LockOptions): Promise<Lock> {
  const { what, info, times = lockTimes({}) } = options;
  let said = false;
  return acquire(path, { ...options, times, longestPauseMs: times.leaseMs / 120 }, (held) => {
    const who = describe(held.claim);
    if (held.alive || held.waitedMs > times.waitMs)
      throw codedError('PCRS_BUSY', `${what}: another run is working there (${who}); wait until it ends`);
    if (said) return;
    said = true;
    const seconds = Math.ceil(times.waitMs / 1000);
    info(`${what}: locked by ${who}; waiting up to ${seconds} s for a sign of life from it`);
  });
}

/**
 * Runs `work` while no other process holds the same lock; waits for as long as a live one does, at most
 * `maxWaitMs`.
 *
 * Throws  whatever `work` throws; PCRS_BUSY after `maxWaitMs`; PCRS_MACHINE if the file cannot be made; the signal's reason
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  work: (lock: Lock) => T | Promise<T>,
): Promise<T> {
  const { what, info, times = lockTimes({}), maxWaitMs = Number.POSITIVE_INFINITY } = options;
  let said = false;
  const lock = await acquire(path, { ...options, times, longestPauseMs: 50 }, ({ claim, waitedMs }) => {
    if (waitedMs > maxWaitMs) {
      const seconds = Math.round(waitedMs / 1000);
      throw codedError('PCRS_BUSY', `${what}: waited ${seconds} s for ${describe(claim)}`);
    }
    if (said || waitedMs < saidFromMs) return;
    said = true;
    info(`${what}: waiting for ${describe(claim)}`);
  });
  try {
    return await work(lock);
  } finally {
    lock.release();
  }
}

interface Held {
  claim: Claim | undefined;
  /** Known to live: it runs on this machine, or its heartbeat came during the wait. */
  alive: boolean;
  waitedMs: number;
}

interface Acquiring extends LockOptions {
  times: LockTimes;
  longestPauseMs: number;
}

async function acquire(path: string, options: Acquiring, onHeld: (held: Held) => void): Promise<Lock> {
  const { what, signal, times, longestPauseMs, under } = options;
  signal.throwIfAborted();
  const claim = newClaim(hostname(), under);
  const watch = new Watch(path, times.leaseMs, under);
  inForce.add(claim.nonce);
  try {
    for (let pauseMs = 1; !tryToClaim(path, claim); pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
      const held = watch.look();
      if (held) onHeld(held);
      await sleep(pauseMs * (0.5 + Math.random()), signal);
    }
  } catch (error) {
    inForce.delete(claim.nonce);
    throw error;
  }
  return hold(path, claim.nonce, what, times);
}

/** Watches a lock that somebody else holds, by this process's own clock. */
class Watch {
  readonly #path: string;
  readonly #leaseMs: number;
  readonly #under: string | undefined;
  /** When the lock was first seen held: a process that starved before must not take that for a wait. */
  #startedMs: number | undefined;
  #seen: Seen | undefined;
  #unchangedSinceMs = 0;
  #changes = -1;
  /** When another process's burial was first seen. */
  #graveSinceMs: number | undefined;

  constructor(path: string, leaseMs: number, under: string | undefined) {
    this.#path = path;
    this.#leaseMs = leaseMs;
    this.#under = under;
  }

  /** Undefined if the lock may be free now. */
  look(): Held | undefined {
    const now = performance.now();
    const seen = look(this.#path);
    if (seen === undefined) return undefined;
    this.#startedMs ??= now;
    if (seen.text !== this.#seen?.text) {
      this.#seen = seen;
      this.#unchangedSinceMs = now;
      this.#changes += 1;
    }
    const { claim } = seen;
    const silentMs = now - this.#unchangedSinceMs;
    if (silentMs > this.#leaseMs || (claim && isOver(claim, this.#under))) {
      this.#bury(seen, now);
      return undefined;
    }
    return {
      claim,
      alive: this.#changes > 0 || (claim !== undefined && isHere(claim)),
      waitedMs: now - this.#startedMs,
    };
  }

  #bury(seen: Seen, now: number): void {
    if (bury(this.#path, seen)) {
      this.#graveSinceMs = undefined;
      return;
    }
    this.#graveSinceMs ??= now;
    if (now - this.#graveSinceMs > this.#leaseMs / 24) removeGrave(this.#path, seen);
  }
}

function isOver(claim: Claim, under: string | undefined): boolean {
  if (isHere(claim)) return isGone(claim) || (isOwnNumber(claim) && !inForce.has(claim.nonce));
  // The lock above it has been taken over since, after a wait for its heartbeat: no need to wait again.
  return claim.under !== undefined && under !== undefined && claim.under !== under;
}

function isOwnNumber({ pid }: Claim): boolean {
  return pid === thisProcess().pid;
}

function hold(path: string, nonce: string, what: string, { renewMs }: LockTimes): Lock {
  const stopBeating = keepBeating(path, nonce, renewMs);
  return {
    nonce,
    stillMine: () => requireHeld(path, nonce, what),
    isMine() {
      try {
        return beat(path, nonce);
      } catch {
        return false;
      }
    },
    release() {
      stopBeating();
      inForce.delete(nonce);
      giveBack(path, nonce);
    },
  };
}

/**
 * Writes a heartbeat for a lock that this process, or the one it works for, holds.
 *
 * Throws  PCRS_MACHINE if another process has taken the lock over
 */
export function requireHeld(path: string, nonce: string, what: string): void {
  let held: boolean;
  try {
    held = beat(path, nonce);
  } catch (error) {
    throw machineError(path, error);
  }
  if (held) return;
  throw codedError(
    'PCRS_MACHINE',
    `${what}: another run took it over because this one had stopped renewing its lock; nothing more is changed there`,
  );
}

function describe(claim: Claim | undefined): string {
  return claim ? `pid ${claim.pid} on ${claim.host} since ${claim.since}` : 'an unknown process';
}
