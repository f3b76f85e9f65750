import { type CodedError, codedError } from 'pcrs-records/errors';
import { filteredWords, type RunVerdict } from 'pcrs-records/judge';

/** What a sink demands of its stream as a whole. */
export interface Demands {
  /** A stream without a run is incomplete. */
  requireRun: boolean;
  /** Records that a filter took out of a run make it incomplete. */
  strict: boolean;
}

/**
 * PCRS_INCOMPLETE where a stream, read to its end, is not all that it should be.
 *
 * Takes  cutLine  of the last line, where it was cut in the middle
 */
export function incompleteness(
  verdicts: readonly RunVerdict[],
  cutLine: number | undefined,
  demands: Demands,
): CodedError | undefined {
  const reason = verdicts.find((verdict) => !verdict.complete)?.reason;
  if (cutLine !== undefined) {
    const cut = `stdin:${cutLine}: the stream was cut in the middle of a record`;
    return codedError('PCRS_INCOMPLETE', reason === undefined ? cut : `${reason} (${cut})`);
  }
  if (reason !== undefined) return codedError('PCRS_INCOMPLETE', reason);
  if (demands.requireRun && verdicts.length === 0) {
    return codedError(
      'PCRS_INCOMPLETE',
      'stdin: without a run nothing proves that the stream is whole; put pcrs-auth in front of the pipe',
    );
  }
  const lost = demands.strict ? filteredWords(verdicts) : undefined;
  return lost === undefined
    ? undefined
    : codedError('PCRS_INCOMPLETE', `run incomplete: filtered on the way: ${lost} (--strict)`);
}
