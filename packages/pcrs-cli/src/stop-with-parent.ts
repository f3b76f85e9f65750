import { codedError } from 'pcrs-records/errors';
import { exitStatus } from './exit-status.ts';

const checkMs = 500;

/**
 * Stops a tool that pcrs-etl started once pcrs-etl is gone: a killed pcrs-etl cannot stop its tools.
 *
 * Takes   graceMs  the process ends within this time, whatever it is waiting for
 */
export function stopWithParent(stop: AbortController, graceMs: number): void {
  const parent = Number(process.env['PCRS_PARENT_PID']);
  if (!parent) return;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    const message = `stopped: the process that started it (${parent}) is gone`;
    const error = Object.assign(codedError('PCRS_INTERRUPTED', message), { signal: 'SIGTERM' });
    setTimeout(() => process.exit(exitStatus(error)), graceMs).unref();
    stop.abort(error);
  }, checkMs);
  timer.unref();
}
