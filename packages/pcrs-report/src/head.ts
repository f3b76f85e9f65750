import type { ReadDatabase } from 'pcrs-database/open';
import { incompleteness, readSnapshotStatus, type SnapshotStatus } from 'pcrs-database/snapshot-status';
import { counted } from 'pcrs-records/counted';
import type { Start } from 'pcrs-records/kinds';
import { baseOf, scopeOf, scopeWords } from 'pcrs-records/scope';
import type { Head } from './model.ts';
import { visible } from './shown.ts';

/** Most missing parts shown; the rest are counted. */
const missingShown = 10;

/** Reads a database's run, and how far to trust it. */
export async function readHead(database: ReadDatabase, path: string): Promise<Head> {
  const status = await readSnapshotStatus(database);
  const starts = status.stages.flatMap(({ start }): Start[] => (start ? [start] : []));
  const { load, run } = status;
  return {
    database: path,
    subscription: status.subscriptionId,
    gateway: status.gateway,
    runId: run?.runId ?? null,
    startedAt: run?.startedAt ?? (load ? `${load.loadedAt.replace(' ', 'T')}Z` : null),
    incomplete: incompleteness(status)?.message,
    missing: missingOf(status),
    scope: starts.length === 0 ? null : visible(scopeWords(scopeOf(starts))),
    base: starts.length === 0 ? null : (textIn(load, 'base') ?? baseOf(starts)),
    fullRunAt: textIn(load, 'fullRunAt'),
    ...{ postures: 0, hosts: 0, policies: 0 },
  };
}

function textIn(note: object | undefined, member: string): string | null {
  const value = (note as Record<string, unknown> | undefined)?.[member];
  return typeof value === 'string' ? value : null;
}

function missingOf({ stages }: SnapshotStatus): string[] {
  const missing = stages.flatMap(({ end }) => end?.slices?.missing ?? []);
  const lines = missing
    .slice(0, missingShown)
    .map(({ policies, hosts, error }) =>
      visible(`policy ${policies.join(', ')}: ${counted(hosts, 'host')} (${error})`),
    );
  const more = missing.length - lines.length;
  return more > 0 ? [...lines, `and ${counted(more, 'slice')} more`] : lines;
}
