import { codeOf } from 'pcrs-records/errors';
import type { End } from 'pcrs-records/kinds';
import { exitStatus, messageOf } from './exit-status.ts';
import type { Log } from './log.ts';

/** What a stage counted, for its `end`. */
type Counted = Pick<End, 'in' | 'out' | 'sums' | 'requests' | 'retries' | 'bytes' | 'slices'>;

/**
 * The `end` of a stage.
 *
 * Takes  of       its run, null if none was opened, and its `start`, if it wrote one
 *        error    why it failed; undefined if it did not
 *        counted  by default nothing
 */
export function endOf(
  of: Pick<End, 'runId' | 'startId' | 'stage'>,
  log: Log,
  error: unknown,
  { slices, ...counted }: Partial<Counted> = {},
): End {
  return {
    ...{ kind: 'end', ...of, endedAt: new Date().toISOString() },
    ...{ ok: error === undefined, status: error === undefined ? 0 : exitStatus(error) },
    ...{ in: {}, out: {}, sums: {}, requests: 0, retries: 0, bytes: 0, ...counted },
    warnings: log.warnings,
    ...(slices ? { slices } : {}),
    ...(error === undefined
      ? {}
      : { error: { code: codeOf(error) ?? 'PCRS_BUG', message: log.redacted(messageOf(error)) } }),
  };
}
