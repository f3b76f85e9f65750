import { type LockOptions, withLock } from 'pcrs-machine/lock';
import { codeOf } from 'pcrs-records/errors';
import { GatewayError } from '../ask/gateway-error.ts';

/** How long to wait for another process's use of the state. */
export type StateLocking = Pick<LockOptions, 'times' | 'maxWaitMs'>;

/**
 * Runs `work` on a file of the state directory while no other process does.
 *
 * Throws  whatever `work` throws; PCRS_GATEWAY after `--max-wait` without a request
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

/** Whether an error is a wait for another process that took too long; do not retry then. */
export function isWaitedOut(error: unknown): boolean {
  return error instanceof GatewayError && error.reason === 'wait';
}
