import { type Lock, requireHeld } from './lock.ts';

/** The lock of the process that this one works for, which hands it down by `PCRS_HELD_LOCK`. */
export interface HeldLock {
  nonce: string;
  path: string;
}

/** What a process hands down to those that work for it. */
export function handDown({ nonce }: Pick<Lock, 'nonce'>, path: string): string {
  return `${nonce} ${path}`;
}

/** Takes  text  of `PCRS_HELD_LOCK`; undefined for a process that works for nobody */
export function parseHeldLock(text: string | undefined): HeldLock | undefined {
  const [, nonce, path] = /^(\S+) (.+)$/s.exec(text ?? '') ?? [];
  return nonce === undefined || path === undefined ? undefined : { nonce, path };
}

/** Throws PCRS_MACHINE once another process has taken over the lock of the one that this one works for. */
export function requireStillHeld(held: HeldLock | undefined, what: string): void {
  if (held !== undefined) requireHeld(held.path, held.nonce, what);
}
