import { type CodedError, codedError } from 'pcrs-records/errors';
import { differenceWords } from './fidelity.ts';
import type { RunVerdict } from './judge.ts';

/** What a sink demands of its stream as a whole. */
export interface SinkDemands {
  /** A stream without a run is incomplete. */
  requireRun?: boolean;
  /** A stream without any record is fine. */
  allowEmpty?: boolean;
  /** A run whose records differ from what its stages made is incomplete. */
  strict?: boolean;
}

/** A stream read to its end. */
export interface ReadStream {
  verdicts: readonly RunVerdict[];
  /** Number of the last line, if it was cut. */
  cutLine: number | undefined;
  /** All lines were blank. */
  isEmpty: boolean;
}

/**
 * PCRS_INCOMPLETE or PCRS_EMPTY if a stream, read to its end, does not meet a sink's demands; the same words in every
 * sink.
 */
export function failureOf(
  { verdicts, cutLine, isEmpty }: ReadStream,
  { requireRun = false, allowEmpty = false, strict = false }: SinkDemands = {},
): CodedError | undefined {
  const incomplete = verdicts.find((verdict) => !verdict.complete);
  const reason = incomplete?.reason;
  if (cutLine !== undefined) {
    const cut = `stdin:${cutLine}: the stream was cut in the middle of a record`;
    return codedError('PCRS_INCOMPLETE', reason === undefined ? cut : `${reason} (${cut})`);
  }
  if (reason !== undefined) {
    const toldByStage = incomplete?.ends.some(({ ok }) => ok === false) ?? false;
    return Object.assign(codedError('PCRS_INCOMPLETE', reason), { toldByStage });
  }
  if (requireRun && verdicts.length === 0) {
    return codedError(
      'PCRS_INCOMPLETE',
      isEmpty
        ? 'stdin: no record came, not even of a run (--require-run); see what the stages before say'
        : 'stdin: without a run nothing proves that the stream is whole (--require-run); put pcrs-auth in front of the pipe',
    );
  }
  if (isEmpty && !allowEmpty) {
    return codedError('PCRS_EMPTY', 'stdin: no record came; --allow-empty makes that status 0');
  }
  const difference = strict ? differenceWords(verdicts) : undefined;
  return difference === undefined
    ? undefined
    : codedError('PCRS_INCOMPLETE', `run incomplete: not as its stages made it: ${difference} (--strict)`);
}
