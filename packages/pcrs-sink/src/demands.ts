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

/** Options of every sink. */
export interface SinkOptions extends SinkDemands {
  /** Skip and count bad lines, instead of failing at the first. */
  skipBad?: boolean | undefined;
  /** Gets reports about skipped and changed input, once, at the end. */
  log?: { warn(message: string): void; note(message: string): void } | undefined;
  /** Called with the number of records so far. */
  progress?: { update(fields: { records: number }): void } | undefined;
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
    const cut = `stdin:${cutLine}: the stream was cut off in the middle of a record`;
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
        ? 'stdin: empty, without even a run (--require-run); see the messages of the stages before'
        : 'stdin: no run, so nothing proves the stream complete (--require-run); start the pipe with pcrs-auth',
    );
  }
  if (isEmpty && !allowEmpty) {
    return codedError(
      'PCRS_EMPTY',
      'stdin: no records; did the program before it fail? If none are right, add --allow-empty',
    );
  }
  const difference = strict ? differenceWords(verdicts) : undefined;
  return difference === undefined
    ? undefined
    : codedError(
        'PCRS_INCOMPLETE',
        `run incomplete: differs from what its stages made: ${difference} (--strict)`,
      );
}
