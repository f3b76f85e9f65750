import type { Attempt } from 'pcrs-database/attempt';
import { replaceFile } from 'pcrs-machine/file';
import type { Series } from './series.ts';

/**
 * Records a start in progress.
 *
 * Yields  a function that records its outcome
 */
export function noteAttempt(series: Series, startedAt: Date) {
  const attempt: Attempt = {
    startedAt: startedAt.toISOString(),
    ...{ endedAt: null, status: null, message: null },
  };
  const write = (more: Partial<Attempt>) =>
    replaceFile(series.attempt, `${JSON.stringify({ ...attempt, ...more })}\n`);
  write({});
  return (status: number, message: string | null) =>
    write({ endedAt: new Date().toISOString(), status, message });
}
