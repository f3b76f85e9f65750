import { KindSums } from 'pcrs-json/kind-sums';
import { counted } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import {
  type Counts,
  type End,
  type JsonObject,
  type Session,
  type Start,
  sessionAt,
} from 'pcrs-records/kinds';
import { stagesOf } from 'pcrs-records/stages';
import { compare, type Fidelity } from './fidelity.ts';
import { whyNotWhole } from './stages.ts';

/** A sink's verdict on one run of its stream. */
export interface RunVerdict extends Fidelity {
  runId: string | null;
  session: Session | undefined;
  /** Each stage that started also ended well, and a stage made the postures, if any came. */
  complete: boolean;
  /** `run incomplete: pcrs-posture ended 5: …`, if it is. */
  reason: string | undefined;
  /** Records by kind that came and that the sink did not refuse. */
  accepted: Counts;
  /** In stream order: the last stage of a pipe first. */
  starts: readonly Start[];
  /** In pipe order. */
  ends: readonly End[];
}

/**
 * Judges the runs of a stream: give it every control record and every other record, then ask for the verdicts.
 *
 * Runs follow one another and differ by `runId`. Equal control records count once, so a stream may be split and
 * joined again. Records before the first session count as the first run's. Without control records there is no run
 * and no verdict. The rules are in docs/contract.md.
 */
export class RunJudge {
  readonly #runs: Run[] = [];
  #current: Run | undefined;
  /** Records that belong to no run yet. */
  #came = new KindSums();

  /** The session of the run that records now belong to. */
  get session(): Session | undefined {
    return this.#current?.session;
  }

  /**
   * Takes a `session`, `start` or `end`.
   *
   * Throws  PCRS_RECORD for an invalid session; PCRS_INCOMPLETE for a `start` or `end` without a session
   */
  control(record: JsonObject, line: number): void {
    if (record['kind'] === 'session') this.#openRun(sessionAt(line, record));
    else this.#runOf(record, line).control.add(JSON.stringify(record));
  }

  /**
   * Takes records of a kind.
   *
   * Takes  sum  modulo 2^53, of the CRC-32 of each record's line without its line end
   */
  took(kind: string, count: number, sum: number): void {
    this.#came.add(kind, count, sum);
  }

  /** One verdict per run, in stream order; none if the stream was not a run. */
  verdicts(): RunVerdict[] {
    return this.#runs.map(judge);
  }

  #openRun(session: Session): void {
    const known = this.#runs.find((run) => run.runId === session.runId);
    this.#enter(known ?? this.#newRun(session.runId, session));
  }

  #enter(run: Run): void {
    if (this.#current === undefined) run.came.addAll(this.#came);
    this.#current = run;
    this.#came = run.came;
  }

  #newRun(runId: string | null, session: Session | undefined): Run {
    const run = { runId, session, control: new Set<string>(), came: new KindSums() };
    this.#runs.push(run);
    return run;
  }

  #runOf(record: JsonObject, line: number): Run {
    const runId = typeof record['runId'] === 'string' ? record['runId'] : null;
    const run = this.#runs.find((candidate) => candidate.runId === runId);
    if (run) return run;
    // A pcrs-auth that failed has no session: its failed end is the whole run.
    const failedAuth = record['kind'] === 'end' && record['ok'] === false;
    if (!failedAuth) {
      throw codedError(
        'PCRS_INCOMPLETE',
        `stdin:${line}: the ${record['kind']} of ${String(record['stage'])} has no session before it; a filter must pass session records on`,
      );
    }
    const fresh = this.#newRun(runId, undefined);
    if (this.#current === undefined) this.#enter(fresh);
    return fresh;
  }
}

interface Run {
  runId: string | null;
  session: Session | undefined;
  /** Starts and ends as JSON, each once. */
  control: Set<string>;
  came: KindSums;
}

function judge({ runId, session, control, came }: Run): RunVerdict {
  const stages = stagesOf([...control].map((text) => JSON.parse(text)));
  const cameOf = (kind?: string) => (kind === undefined ? came.total : came.count(kind));
  const reason = whyNotWhole(stages, cameOf) ?? whyNobodyMade(stages.ends, came.count('posture'));
  return {
    runId,
    session,
    complete: reason === undefined,
    reason: reason === undefined ? undefined : `run incomplete: ${reason}`,
    ...compare(stages, came),
    accepted: came.counts,
    starts: stages.starts,
    ends: stages.ends,
  };
}

/** The reason if no stage made the postures: a filter removed the run's records, or they come from another stream. */
function whyNobodyMade(ends: readonly End[], postures: number): string | undefined {
  if (postures === 0 || ends.some(({ out }) => Number(out?.['posture']) > 0)) return undefined;
  return `no stage of the run made its ${counted(postures, 'posture')}; a filter must pass start and end records on`;
}
