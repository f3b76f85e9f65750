/** State of a snapshot: complete, incomplete (or still loading), or held back for its shrink. */
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

/** `latest.db` or `latest_NAME.db`; other endings for other links. */
export function latestName(name?: string, ending = '.db'): string {
  return `latest${name === undefined ? '' : `_${name}`}${ending}`;
}

/** Stamps of a series' snapshots among file names, newest first. */
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
