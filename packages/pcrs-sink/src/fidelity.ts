import { KindSums } from 'pcrs-json/kind-sums';
import { type Counts, isObject } from 'pcrs-records/kinds';
import type { Stages } from 'pcrs-records/stages';

/** How the received records of a run differ from what its stages made. */
export interface Fidelity {
  /** Counts and sums agree for each kind that a stage made; null if a stage did not record what it made. */
  verified: boolean | null;
  /** Records by kind that were made and not received. */
  filtered: Counts;
  /** Records by kind that were received and not made. */
  supplied: Counts;
  /**
   * Kinds with the right number of records but different ones: one lost and one doubled, a value changed, JSON
   * respelled.
   */
  edited: string[];
}

/**
 * Compares the received records of a run with what its stages made. Kinds that no stage made are not compared, nor
 * are slices. If a stage did not record what it made, or an end belongs to no start, only missing records are
 * certain.
 */
export function compare({ started, loose }: Stages, came: KindSums): Fidelity {
  const ends = started.flatMap(({ end }) => end ?? []);
  const made = new KindSums();
  for (const { out, sums } of ends) {
    for (const [kind, count] of Object.entries(out ?? {})) {
      if (kind !== 'slice') made.add(kind, Number(count) || 0, Number(sums?.[kind]));
    }
  }
  const allEnded = ends.length === started.length && loose.length === 0;
  const isSummed = allEnded && ends.length > 0 && ends.every(({ sums }) => isObject(sums));
  const filtered = new KindSums();
  const supplied = new KindSums();
  const edited: string[] = [];
  for (const kind of made.kinds) {
    const lost = made.count(kind) - came.count(kind);
    if (lost > 0) filtered.add(kind, lost, 0);
    else if (lost < 0 && allEnded) supplied.add(kind, -lost, 0);
    else if (isSummed && made.sum(kind) !== came.sum(kind)) edited.push(kind);
  }
  const isSame = filtered.total + supplied.total + edited.length === 0;
  return {
    verified: isSummed ? isSame : null,
    filtered: filtered.counts,
    supplied: supplied.counts,
    edited,
  };
}

/** The fidelity of a stream: all its runs together. */
export function fidelityOf(runs: readonly Fidelity[]): Fidelity {
  const all = (pick: (run: Fidelity) => Counts): Counts => {
    const sums = new KindSums();
    for (const run of runs) for (const [kind, count] of Object.entries(pick(run))) sums.add(kind, count, 0);
    return sums.counts;
  };
  return {
    verified: runs.length === 0 ? null : weakest(runs.map(({ verified }) => verified)),
    filtered: all(({ filtered }) => filtered),
    supplied: all(({ supplied }) => supplied),
    edited: [...new Set(runs.flatMap(({ edited }) => edited))],
  };
}

/** `filtered 12 posture, supplied 1 policy, edited hostids`; undefined without a difference. */
export function differenceWords(runs: readonly Fidelity[]): string | undefined {
  const { filtered, supplied, edited } = fidelityOf(runs);
  const counted = (counts: Counts) => Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  const words = [
    ['filtered', counted(filtered)],
    ['supplied', counted(supplied)],
    ['edited', edited],
  ] as const;
  const told = words.filter(([, all]) => all.length > 0).map(([what, all]) => `${what} ${all.join(' and ')}`);
  return told.length === 0 ? undefined : told.join(', ');
}

/** Tells, in the same words in every sink, how a stream differs from what its stages made. */
export function noteDifference(
  runs: readonly Fidelity[],
  log: { note(message: string): void } | undefined,
): void {
  const difference = differenceWords(runs);
  if (difference !== undefined) log?.note(`differs from what the stages of the run made: ${difference}`);
}

function weakest(all: readonly (boolean | null)[]): boolean | null {
  if (all.includes(false)) return false;
  return all.includes(null) ? null : true;
}
