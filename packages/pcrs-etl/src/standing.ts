import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { readStatusOf, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import { freeBytes } from 'pcrs-machine/file-system';
import { withCommas } from 'pcrs-records/counted';
import { codedError } from 'pcrs-records/errors';
import type { Scope, Session } from 'pcrs-records/kinds';
import { gatewayOf, isSameScope, scopeWords } from 'pcrs-records/scope';
import { runsOf } from './run-folder.ts';
import type { Series } from './series.ts';

/** Gateway and scope of a series. */
export type Held = Pick<SnapshotStatus, 'gateway' | 'scope'> & {
  /** `latest.db` exists, but is damaged or locked. */
  isUnreadable: boolean;
};

/**
 * Content of a series' `latest.db`. If that is unreadable, the scope of the last complete run: a file that is damaged
 * or gone does not let another scope in.
 *
 * Yields  undefined if neither is known
 */
export async function heldIn(series: Series): Promise<Held | undefined> {
  const path = series.latest('.db');
  const latest = await readStatusOf(path);
  if (latest?.scope) return { ...latest, isUnreadable: false };
  // Contract 1, with order 0, did not record the scope.
  const plan = runsOf(series).find((run) => run.made && run.plan.order > 0)?.plan;
  if (plan === undefined) return undefined;
  const gateway = gatewayOf(plan.session);
  const scope = { gateway, flags: plan.scope, beganFiltered: false };
  return { gateway, scope, isUnreadable: latest === undefined && existsSync(path) };
}

/** Throws PCRS_USAGE if a run would put another scope into `latest.db`; called before any request. */
export function requireSameScope(
  latest: Held | undefined,
  series: Series,
  scope: Scope,
  rescope: boolean,
): void {
  const held = latest?.scope;
  if (held === undefined || rescope || isSameScope(held.flags, scope)) return;
  throw codedError(
    'PCRS_USAGE',
    `${basename(series.latest('.db'))} holds ${scopeWords(held.flags)}; this run has ${scopeWords(scope)}: give it --name, or --rescope`,
  );
}

/** Throws PCRS_USAGE if `latest.db` comes from another gateway. */
export function requireSameGateway(
  latest: Held | undefined,
  series: Series,
  session: Session,
  rescope: boolean,
): void {
  const held = latest?.gateway ?? undefined;
  const gateway = gatewayOf(session);
  if (held === undefined || rescope || held === gateway) return;
  throw codedError(
    'PCRS_USAGE',
    `${basename(series.latest('.db'))} is of ${held}; this run asks ${gateway}: give it --name, or --rescope`,
  );
}

/** Throws PCRS_MACHINE without space for twice the last snapshot: the new one, and its other files. */
export function requireSpace(series: Series): void {
  const size = statSync(series.latest('.db'), { throwIfNoEntry: false })?.size ?? 0;
  const free = freeBytes(series.out);
  if (free === undefined || free >= 2 * size) return;
  throw codedError(
    'PCRS_MACHINE',
    `${series.out}: ${megabytes(free)} free, but a run needs ${megabytes(2 * size)}, twice the last snapshot; free some space, or see --keep`,
  );
}

function megabytes(bytes: number): string {
  return `${withCommas(Math.ceil(bytes / 1024 ** 2))} MB`;
}
