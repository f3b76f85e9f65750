import { join } from 'node:path';
import { attemptFile } from 'pcrs-database/attempt';
import { latestName, type SnapshotState, snapshotName } from 'pcrs-database/snapshot-names';

/**
 * Files of one series of runs in an output folder: those of a `--name`, or the unnamed ones. Series share nothing, so
 * that they can run side by side.
 */
export interface Series {
  readonly out: string;
  readonly name: string | undefined;
  readonly lock: string;
  /** Outcome of the last start of pcrs-etl. */
  readonly attempt: string;
  /** Processes of the current run. */
  readonly tools: string;
  /** A link in the folder: `latest[_NAME]` with this ending. */
  latest(ending: string): string;
  snapshot(stamp: string, state?: SnapshotState): string;
  /** `history.db` or `history_NAME.db`. */
  readonly history: string;
  /** A product of a run's snapshot: `csv_[NAME_]STAMP`. */
  beside(what: string, stamp: string): string;
}

/** Takes  name  of the series; undefined for the unnamed one */
export function seriesOf(out: string, name: string | undefined): Series {
  const suffix = name === undefined ? '' : `_${name}`;
  return {
    out,
    name,
    lock: join(out, `.lock${suffix}`),
    attempt: attemptFile(out, name),
    tools: join(out, `.tools${suffix}.json`),
    history: join(out, `history${suffix}.db`),
    latest: (ending) => join(out, latestName(name, ending)),
    snapshot: (stamp, state) => join(out, snapshotName(stamp, name, state)),
    beside: (what, stamp) => join(out, `${what}${suffix}_${stamp}`),
  };
}
