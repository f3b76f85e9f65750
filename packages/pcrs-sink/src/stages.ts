import { counted } from 'pcrs-records/counted';
import { type End, madeBy } from 'pcrs-records/kinds';
import type { Stage, Stages } from 'pcrs-records/stages';

/**
 * Why a run is incomplete by its stages: there is none, or one of them failed, broke off, or lacks a record.
 *
 * Takes  cameOf  the number of records that came, of a kind or of all kinds
 */
export function whyNotWhole(stages: Stages, cameOf: (kind?: string) => number): string | undefined {
  const { started, loose } = stages;
  const failed = firstFailure(stages, cameOf);
  if (failed !== undefined) return failed;
  const [end] = loose;
  if (end !== undefined) {
    const ended = started.some(
      (stage) => stage.end?.startId !== undefined && stage.end.startId === end.startId,
    );
    return ended
      ? `${end.stage} has two ends that differ`
      : `${end.stage} has an end without a start; a filter must pass start and end records on`;
  }
  return started.length > 0 || cameOf('posture') > 0
    ? undefined
    : 'no stage started; there is only a session';
}

/** The exit status of a stage whose input was cut. */
const incompleteInput = 6;

/**
 * The first stage of the pipe that failed or broke off.
 *
 * Ends get lost too. A stage that broke off took the ends of earlier stages along: only the last stage without an end
 * certainly broke off. And a stage that failed, unless by its input, stopped reading, so that the end of the stage
 * before never came.
 */
function firstFailure({ started, loose }: Stages, cameOf: (kind?: string) => number): string | undefined {
  const stages = [...loose.map((end): Stage => ({ name: end.stage, end })), ...started];
  const failed = stages.findIndex(({ end }) => end && !isWell(end));
  const brokeOff = stages.findLastIndex(({ end }) => end === undefined);
  const end = stages[failed]?.end;
  const stoppedReading = failed === brokeOff + 1 && end?.status !== incompleteInput;
  if (end && (failed < brokeOff || stoppedReading)) return ended(end);
  const broken = stages[brokeOff];
  if (broken) return `${broken.name} broke off after ${counted(cameOf(madeBy[broken.name]), 'record')}`;
  return end && ended(end);
}

/** Ended with ok, and with no status that contradicts it. */
function isWell({ ok, status = 0 }: End): boolean {
  return ok === true && status === 0;
}

function ended({ stage, status, error }: End): string {
  return `${stage} ended ${status}: ${error?.message ?? 'no message'}`;
}
