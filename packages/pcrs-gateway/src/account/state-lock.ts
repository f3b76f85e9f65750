import { type LockOptions, withLock } from 'pcrs-machine/lock';
import { codeOf, GatewayError } from '../ask/gateway-error.ts';

/** How long another process's use of the state is waited for. */
export type StateLocking = Pick<LockOptions, 'times' | 'maxWaitMs'>;

/**
 * Does a piece of work on a file of the state directory while no other process does.
 *
 * Throws  what `work` throws; PCRS_GATEWAY after `--max-wait`, since nothing was asked for so long
 */
export async function withStateLock<T>(
  path: string,
  options: LockOptions,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await withLock(path, options, work);
  } catch (error) {
    if (codeOf(error) !== 'PCRS_BUSY') throw error;
    const message = `${(error as Error).message} (--max-wait)`;
    throw new GatewayError('PCRS_GATEWAY', message, { reason: 'wait', tries: 0 });
  }
}

/** A wait for another process that took too long: nothing else is to be tried then. */
export function isWaitedOut(error: unknown): boolean {
  return error instanceof GatewayError && error.reason === 'wait';
}
