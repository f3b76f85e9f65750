/** An OCSF number and its caption. */
export interface Meaning {
  id: number;
  name: string;
}

/** OCSF activities of a finding. */
export const activities = {
  create: { id: 1, name: 'Create' },
  update: { id: 2, name: 'Update' },
  close: { id: 3, name: 'Close' },
} as const;

/** Activity of a finding for each change that `pcrs-diff` reports; a posture that merely appeared is an update. */
export const activityOfChange: Readonly<Record<string, Meaning>> = {
  newly_failed: activities.create,
  appeared: activities.create,
  status_changed: activities.update,
  fixed: activities.close,
  vanished: activities.close,
};

/** By the gateway's status, in lower case; an approved exception counts as passed, as in the pass rate. */
const results: Readonly<Record<string, Meaning>> = {
  passed: { id: 1, name: 'Pass' },
  passede: { id: 1, name: 'Pass' },
  error: { id: 2, name: 'Warning' },
  failed: { id: 3, name: 'Fail' },
};

/** Result of a check, by the gateway's status; an unknown text is Other, under its own name. */
export function resultOf(status: string): Meaning {
  if (status === '') return { id: 0, name: 'Unknown' };
  return results[status.toLowerCase()] ?? { id: 99, name: status };
}

/** Lifecycle status of a finding; undefined for one that always passed. */
export function lifecycleOf(status: string, failedBefore: boolean, change?: string): Meaning | undefined {
  if (change === 'vanished') return { id: 5, name: 'Archived' };
  switch (status.toLowerCase()) {
    case 'failed':
    case 'error':
      return { id: 1, name: 'New' };
    case 'passede':
      return { id: 3, name: 'Suppressed' };
    case 'passed':
      return failedBefore ? { id: 4, name: 'Resolved' } : undefined;
    default:
      return undefined;
  }
}

const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical'];

/** The severity of a criticality from 1 to 5. */
export function severityOf(criticality: unknown): Meaning {
  if (criticality === null || criticality === undefined) return { id: 0, name: 'Unknown' };
  const value = Number(criticality);
  const name = value >= 1 ? severities[value] : undefined;
  return name === undefined ? { id: 99, name: `criticality ${String(criticality)}` } : { id: value, name };
}
