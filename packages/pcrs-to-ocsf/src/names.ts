import { piece } from './pieces.ts';
import { columnOf, postureMembers } from './posture.ts';

/** Members of a posture with their own place in the finding; all others go to `unmapped`. */
const mapped = new Set([
  ...['policyTitle', 'controlId', 'controlStatement', 'rationale', 'remediation', 'controlReference'],
  ...['status', 'lastEvaluatedDate', 'hostId', 'ip', 'os', 'dns', 'customerUuid'],
  ...['CLOUD_RESOURCE_ID', 'CloudMetaData', 'evidence', 'causeOfFailure'],
]);
/** Dates written elsewhere, in milliseconds. */
const times = {
  created: 'created_time',
  firstFailDate: 'first_seen_time',
  lastFailDate: 'last_seen_time',
  postureModifiedDate: 'modified_time',
} as const;

/** Columns that a finding uses by name. */
export const column = byName(
  [
    ...([
      'policyId',
      'hostId',
      'controlId',
      'technologyId',
      'instance',
      'status',
      'lastEvaluatedDate',
    ] as const),
    ...([
      'lastFailDate',
      'criticality',
      'customerUuid',
      'controlStatement',
      'rationale',
      'remediation',
    ] as const),
    ...(['controlReference', 'policyTitle', 'dns', 'netBios', 'ip', 'os'] as const),
    ...(['CLOUD_RESOURCE_ID', 'CloudMetaData', 'evidence', 'causeOfFailure'] as const),
  ],
  columnOf,
);
export type Column = keyof typeof column;

const named = (name: string): Uint8Array => piece(`${JSON.stringify(name)}:`);
/** Names of a finding's members. */
export const names = byName(
  [
    ...(['tenant_uid', 'original_time', 'title', 'uid', 'name', 'hostname', 'ip', 'type', 'desc'] as const),
    ...(['control', 'CLOUD_RESOURCE_ID', 'CloudMetaData', 'evidence', 'causeOfFailure', 'change'] as const),
  ],
  named,
);
/** Columns of dates, with their names in the finding. */
export const timeColumns = Object.entries(times).map(([name, time]) => ({
  ...{ column: columnOf(name), time: named(time), name: named(name) },
}));
/** Columns without a place in a finding, with their names. */
export const unmapped = postureMembers
  .filter((name) => !mapped.has(name) && !(name in times))
  .map((name) => ({ column: columnOf(name), name: named(name) }));
/** Starts of arrays. */
export const openings = byName(['checks', 'standards', 'requirements', 'resources'], (name) =>
  piece(`"${name}":[`),
);

function byName<const N extends string, T>(
  names: readonly N[],
  make: (name: N) => T,
): Readonly<Record<N, T>> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<N, T>;
}
