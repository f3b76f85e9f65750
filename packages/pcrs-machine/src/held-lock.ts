import { type Lock, requireHeld } from './lock.ts';

/** The parent process's lock, passed on in `PCRS_HELD_LOCK`. */
export interface HeldLock {
  nonce: string;
  path: string;
}

/** The value of `PCRS_HELD_LOCK` for child processes. */
export function handDown({ nonce }: Pick<Lock, 'nonce'>, path: string): string {
  return `${nonce} ${path}`;
}

/** Takes  text  value of `PCRS_HELD_LOCK`; undefined in a process without such a parent */
export function parseHeldLock(text: string | undefined): HeldLock | undefined {
  const [, nonce, path] = /^(\S+) (.+)$/s.exec(text ?? '') ?? [];
  return nonce === undefined || path === undefined ? undefined : { nonce, path };
}

/** Throws PCRS_MACHINE if another process has taken over the parent's lock. */
export function requireStillHeld(held: HeldLock | undefined, what: string): void {
  if (held !== undefined) requireHeld(held.path, held.nonce, what);
}
