import { type CodedError, codedError } from 'pcrs-records/errors';
import { resumableUntil, type Wanted } from './decide.ts';
import type { RunPlan } from './run-folder.ts';

/** Wrong flags, nothing found, a failed gate: starting again would end the same way. */
export type EndForGood = 2 | 7 | 8;

/** Statuses that end a run for good: the next start does not resume it. */
export function isEndForGood(status: number): status is EndForGood {
  return status === 2 || status === 7 || status === 8;
}

/**
 * What to do next after a run that ended with a status: the last message of pcrs-etl. Undefined if the failed tool
 * has already said it.
 */
export function nextStep(status: number, plan: RunPlan, { resumeWithinMs }: Wanted): string | undefined {
  if (status === 2 || status === 7) return undefined;
  const until = `until ${minute(resumableUntil(plan, resumeWithinMs))} (--resume-within)`;
  if (status === 8) return `latest.db is unchanged; --accept-shrink publishes this run ${until}`;
  return `nothing was published; the same command resumes this run ${until}`;
}

/** The interruption that ended a run, with what to do next. */
export function interrupted(reason: CodedError, next: string): CodedError {
  return Object.assign(codedError(reason.code, `${reason.message}; ${next}`), {
    signal: (reason as { signal?: string }).signal,
  });
}

/** `2026-11-24 03:37 UTC`. */
function minute(moment: Date): string {
  return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
