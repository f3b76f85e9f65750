import { codedError } from 'pcrs-records/errors';
import {
  type Counts,
  type End,
  type JsonObject,
  madeBy,
  parseSession,
  type Session,
  type Start,
} from 'pcrs-records/kinds';

/** What a sink found out about one run of its stream. */
export interface RunVerdict {
  runId: string | null;
  session: Session | undefined;
  /** Every stage that started also ended well. */
  complete: boolean;
  /** `run incomplete: pcrs-posture ended 5: …`, where it is. */
  reason: string | undefined;
  /** Records by kind that were made or taken in on the way and did not arrive. */
  filtered: Counts;
  /** Records by kind that the sink took. */
  accepted: Counts;
  /** In the order of the stream: the last stage of the pipe first. */
  starts: readonly Start[];
  /** In the order of the pipe. */
  ends: readonly End[];
}

/**
 * Judges the runs of a stream: tell it every control record and every record taken, then ask for the verdicts.
 *
 * A run is whole when each stage that wrote a `start` also wrote an `end` that is `ok`. Runs follow one
 * another and are told apart by their `runId`. Without any control record there is no run and no verdict.
 */
export class RunJudge {
  #runs: Run[] = [];
  #current: Run | undefined;

  /** The run that records now belong to. */
  get session(): Session | undefined {
    return this.#current?.session;
  }

  /**
   * Takes note of a `session`, `start` or `end`.
   *
   * Throws  PCRS_RECORD for a session that is none; PCRS_INCOMPLETE for a `start` or `end` that no session opened
   */
  control(record: JsonObject, line: number): void {
    if (record['kind'] === 'session') {
      this.#openRun(readSession(record, line));
      return;
    }
    const run = this.#runOf(record, line);
    if (record['kind'] === 'start') run.starts.push(record as unknown as Start);
    else run.ends.push(record as unknown as End);
  }

  /** Takes note of records of a kind that the sink took. */
  accepted(kind: string, count = 1): void {
    const accepted = this.#current?.accepted;
    if (accepted) accepted[kind] = (accepted[kind] ?? 0) + count;
  }

  /** One verdict a run, in the order of the stream; none where the stream was no run. */
  verdicts(): RunVerdict[] {
    return this.#runs.map(judge);
  }

  #openRun(session: Session): void {
    const known = this.#runs.find((run) => run.runId === session.runId);
    this.#current = known ?? newRun(session.runId, session);
    if (!known) this.#runs.push(this.#current);
  }

  #runOf(record: JsonObject, line: number): Run {
    const runId = typeof record['runId'] === 'string' ? record['runId'] : null;
    const run = this.#runs.find((candidate) => candidate.runId === runId);
    if (run) return run;
    // A pcrs-auth that failed has no session to give: its failed end is the whole run.
    const failedAuth = record['kind'] === 'end' && record['ok'] === false;
    if (!failedAuth) {
      throw codedError(
        'PCRS_INCOMPLETE',
        `stdin:${line}: the ${record['kind']} of ${String(record['stage'])} belongs to no session that came before it; keep the records of kind session when you filter`,
      );
    }
    const fresh = newRun(runId, undefined);
    this.#runs.push(fresh);
    this.#current ??= fresh;
    return fresh;
  }
}

/** What filters took out on the way, in words (`12 posture, 1 policy`); undefined where nothing. */
export function filteredWords(verdicts: readonly RunVerdict[]): string | undefined {
  const lost = noCounts();
  for (const { filtered } of verdicts) {
    for (const [kind, count] of Object.entries(filtered)) lost[kind] = (lost[kind] ?? 0) + count;
  }
  const words = Object.entries(lost).map(([kind, count]) => `${count} ${kind}`);
  return words.length === 0 ? undefined : words.join(', ');
}

interface Run {
  runId: string | null;
  session: Session | undefined;
  starts: Start[];
  ends: End[];
  accepted: Counts;
}

function newRun(runId: string | null, session: Session | undefined): Run {
  return { runId, session, starts: [], ends: [], accepted: noCounts() };
}

/** Without a prototype: a kind may be called `constructor` or `__proto__`. */
function noCounts(): Counts {
  return Object.create(null) as Counts;
}

function readSession(record: JsonObject, line: number): Session {
  try {
    return parseSession(record);
  } catch (error) {
    throw codedError('PCRS_RECORD', `stdin:${line}: ${(error as Error).message}`);
  }
}

function judge(run: Run): RunVerdict {
  const reason = firstFailure(run);
  return {
    runId: run.runId,
    session: run.session,
    complete: reason === undefined,
    reason: reason === undefined ? undefined : `run incomplete: ${reason}`,
    filtered: { ...filtered(run) },
    accepted: { ...run.accepted },
    starts: run.starts,
    ends: run.ends,
  };
}

/** The exit status of a stage whose input was cut. */
const incompleteInput = 6;

/**
 * The first stage of the pipe that failed or broke off. Stages put their `start` in front, so the pipe's order is
 * the starts' backwards.
 *
 * Ends get lost on the way too. A stage that broke off took the ends of those before it along: only the last stage
 * without an end is known to have broken off. And a stage that failed, unless by its input, stopped reading, so that
 * the end of the one before it never came.
 */
function firstFailure(run: Run): string | undefined {
  const started = run.starts.map((start) => start.stage).reverse();
  const unannounced = run.ends.map((end) => end.stage).filter((stage) => !started.includes(stage));
  const stages = [...unannounced, ...started];
  const ends = stages.map((stage) => run.ends.findLast((candidate) => candidate.stage === stage));
  const failed = ends.findIndex((end) => end && end.ok !== true);
  const brokeOff = ends.lastIndexOf(undefined);
  const end = ends[failed];
  const stoppedReading = failed === brokeOff + 1 && end?.status !== incompleteInput;
  if (end && (failed < brokeOff || stoppedReading)) return ended(end);
  if (brokeOff >= 0) {
    const stage = stages[brokeOff] as string;
    return `${stage} broke off after ${run.accepted[madeBy[stage] ?? ''] ?? 0} records`;
  }
  return end && ended(end);
}

function ended({ stage, status, error }: End): string {
  return `${stage} ended ${status}: ${error?.message ?? 'no message'}`;
}

function filtered(run: Run): Counts {
  const made = noCounts();
  for (const end of run.ends) {
    for (const [kind, count] of Object.entries(end.out ?? {})) made[kind] = (made[kind] ?? 0) + count;
  }
  const missing = noCounts();
  for (const [kind, count] of Object.entries(made)) {
    const seen = [run.accepted[kind] ?? 0];
    for (const end of run.ends) {
      if (end.in && Object.hasOwn(end.in, kind)) seen.push(end.in[kind] as number);
    }
    const lost = count - Math.min(...seen);
    if (lost > 0) missing[kind] = lost;
  }
  return missing;
}
