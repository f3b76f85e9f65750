import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { readStatusOf, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import { freeBytes } from 'pcrs-machine/file-system';
import { codedError } from 'pcrs-records/errors';
import type { Scope, Session } from 'pcrs-records/kinds';
import { isSameScope, scopeWords } from 'pcrs-records/scope';
import { runsOf } from './run-folder.ts';
import type { Series } from './series.ts';

/** What a series is of. */
export type Held = Pick<SnapshotStatus, 'gateway' | 'scope'> & {
  /** `latest.db` is there, and is damaged or locked. */
  isUnreadable: boolean;
};

/**
 * What `latest.db` of a series holds. If that cannot be read any more, what the last complete run was of: a file that
 * is damaged or gone does not make way for another scope.
 *
 * Yields  undefined if nothing is known of either
 */
export async function heldIn(series: Series): Promise<Held | undefined> {
  const path = series.latest('.db');
  const latest = await readStatusOf(path);
  if (latest?.scope) return { ...latest, isUnreadable: false };
  // Contract 1, of order 0, did not note the scope.
  const plan = runsOf(series).find((run) => run.made && run.plan.order > 0)?.plan;
  if (plan === undefined) return undefined;
  const gateway = gatewayOf(plan.session);
  const scope = { gateway, flags: plan.scope, beganFiltered: false };
  return { gateway, scope, isUnreadable: latest === undefined && existsSync(path) };
}

/** Throws PCRS_USAGE if a run would put another scope into `latest.db`; nothing was asked yet. */
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

/** Throws PCRS_USAGE if `latest.db` is of another gateway. */
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

function gatewayOf({ gateway }: Session): string {
  return gateway.replace(/\/+$/, '').toLowerCase();
}

/** Throws PCRS_MACHINE unless there is room for twice the last snapshot: the new one, and what comes with it. */
export function requireSpace(series: Series): void {
  const size = statSync(series.latest('.db'), { throwIfNoEntry: false })?.size ?? 0;
  const free = freeBytes(series.out);
  if (free === undefined || free >= 2 * size) return;
  throw codedError(
    'PCRS_MACHINE',
    `${series.out}: ${megabytes(free)} free, and a run takes ${megabytes(2 * size)}, twice the last snapshot; make room, or see --keep`,
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en-US')} MB`;
}
