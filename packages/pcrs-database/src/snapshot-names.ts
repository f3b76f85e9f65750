/** `2026-11-23T03:37:37.170Z` → `20261123T033737Z`, as a run's files are named by its start. */
export function stampOf(startedAt: string): string {
  return new Date(startedAt).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** What a snapshot is: of a complete run, of one that is not (yet), or of one that a shrink kept from being published. */
export type SnapshotState = 'complete' | 'incomplete' | 'shrunk';

const endings: Readonly<Record<SnapshotState, string>> = {
  complete: '.db',
  incomplete: '.incomplete.db',
  shrunk: '.shrunk.db',
};

/** `pcrs_[NAME_]STAMP.db`, `….incomplete.db` or `….shrunk.db`. */
export function snapshotName(stamp: string, name?: string, state: SnapshotState = 'complete'): string {
  return `pcrs_${prefix(name)}${stamp}${endings[state]}`;
}

/** `latest.db` or `latest_NAME.db`; with another ending for what lies beside a snapshot. */
export function latestName(name?: string, ending = '.db'): string {
  return `latest${name === undefined ? '' : `_${name}`}${ending}`;
}

/** The stamps of a series' snapshots among the names of a directory, the newest first. */
export function stampsIn(
  names: readonly string[],
  name?: string,
  state: SnapshotState = 'complete',
): string[] {
  const head = `pcrs_${prefix(name)}`;
  return names
    .filter((file) => file.startsWith(head) && file.endsWith(endings[state]))
    .map((file) => file.slice(head.length, -endings[state].length))
    .filter((stamp) => /^\d{8}T\d{6}Z$/.test(stamp))
    .sort()
    .reverse();
}

function prefix(name: string | undefined): string {
  return name === undefined ? '' : `${name}_`;
}
