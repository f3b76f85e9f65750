import { codeOf } from 'pcrs-records/errors';
import type { End } from 'pcrs-records/kinds';
import { exitStatus, messageOf } from './exit-status.ts';
import type { Log } from './log.ts';

/** The record that informs the stages and the sink that no run was opened, and why. */
export function failedEnd(stage: string, runId: string | null, error: unknown, log: Log): End {
  const message = log.redacted(messageOf(error));
  return {
    kind: 'end',
    runId,
    stage,
    endedAt: new Date().toISOString(),
    ok: false,
    status: exitStatus(error),
    in: {},
    out: {},
    sums: {},
    requests: 0,
    retries: 0,
    bytes: 0,
    warnings: log.warnings,
    error: { code: codeOf(error) ?? 'PCRS_BUG', message },
  };
}
