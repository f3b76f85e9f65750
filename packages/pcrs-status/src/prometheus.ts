import type { StatusRecord } from './index.ts';

/** A metric: its help, and its value for a snapshot, or values by a label; null if there is none. */
type Metric = readonly [
  name: string,
  help: string,
  value: (status: StatusRecord) => number | null | readonly [label: string, of: string, value: number][],
];

const metrics: readonly Metric[] = [
  ['pcrs_snapshot_ok', 'Complete, and every gate met.', ({ ok }) => Number(ok)],
  ['pcrs_snapshot_present', 'There is a snapshot.', ({ present }) => Number(present)],
  [
    'pcrs_snapshot_complete',
    'The snapshot holds its run completely.',
    ({ complete }) => Number(complete === true),
  ],
  [
    'pcrs_snapshot_base_full',
    'Its run was full; 0 for a delta.',
    ({ base }) => (base === null ? null : Number(base === 'full')),
  ],
  ['pcrs_snapshot_started_timestamp_seconds', 'When its run started.', ({ startedAt }) => seconds(startedAt)],
  [
    'pcrs_snapshot_full_run_timestamp_seconds',
    'When the full run that it is based on started.',
    ({ fullRunAt }) => seconds(fullRunAt),
  ],
  ['pcrs_snapshot_policies', 'Policies in it.', ({ measures }) => measures?.policies ?? null],
  ['pcrs_snapshot_hosts', 'Hosts of its policies.', ({ measures }) => measures?.hosts ?? null],
  [
    'pcrs_snapshot_postures',
    'Postures by outcome.',
    ({ measures }) =>
      Object.entries(measures?.postures ?? {}).map(([of, count]) => ['outcome', of, count] as const),
  ],
  [
    'pcrs_snapshot_failed_postures',
    'Failed postures by criticality.',
    ({ measures }) =>
      Object.entries(measures?.failedBy ?? {}).map(([of, count]) => ['criticality', of, count] as const),
  ],
  [
    'pcrs_snapshot_pass_ratio',
    '(Passed + PassedE) / (Passed + PassedE + Failed), 0 to 1.',
    ({ measures }) => (measures?.passRate == null ? null : measures.passRate / 100),
  ],
  [
    'pcrs_snapshot_missing_slices',
    'Slices that could not be fetched.',
    ({ slices }) => slices && slices.failed + slices.notAsked,
  ],
  [
    'pcrs_last_attempt_status',
    'Exit status of the last pcrs-etl run.',
    ({ lastAttempt }) => lastAttempt?.status ?? null,
  ],
  [
    'pcrs_last_attempt_timestamp_seconds',
    'When it began.',
    ({ lastAttempt }) => seconds(lastAttempt?.startedAt ?? null),
  ],
];

/** Statuses as a page in Prometheus text format: gauges, one per snapshot with the label `path`. */
export function prometheusPage(statuses: readonly StatusRecord[]): string {
  return metrics
    .map(([name, help, value]) => {
      const samples = statuses.flatMap((status) => {
        const found = value(status);
        const path = `path="${escaped(status.path)}"`;
        if (found === null) return [];
        if (typeof found === 'number') return [`${name}{${path}} ${found}\n`];
        return found.map(([label, of, count]) => `${name}{${path},${label}="${escaped(of)}"} ${count}\n`);
      });
      return samples.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.join('')}`;
    })
    .join('');
}

function seconds(moment: string | null): number | null {
  return moment === null ? null : Math.floor(Date.parse(moment) / 1000);
}

/** Source  the exposition format: escape backslash, quote and line feed in a label's value */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
