/** `2026-11-23T03:37:37.170Z` → `20261123T033737Z`: the stamp in the names of a run's files. */
export function stampOf(startedAt: string): string {
  return new Date(startedAt).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** `YYYY-MM-DD hh:mm:ss`, UTC: a time as QualysETL and SQLite's date functions write it. */
export function sqlTime(moment: Date): string {
  return moment.toISOString().slice(0, 19).replace('T', ' ');
}

/** `YYYY-MM-DDThh:mm:ssZ`: in whole seconds, as the gateway's times, with which it can be compared as text. */
export function wholeSeconds(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}
