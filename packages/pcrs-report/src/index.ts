import { existsSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { findSnapshot, snapshotsBefore } from 'pcrs-database/find-snapshot';
import { checkLayout } from 'pcrs-database/layout';
import { openForReading, type ReadDatabase } from 'pcrs-database/open';
import { passRate } from 'pcrs-database/pass-rate';
import { addValues, chosenFailures, failuresShown } from './chosen.ts';
import { Changes, hostsOf, runBefore } from './comparison.ts';
import { Names } from './control-names.ts';
import { gapsIn } from './gaps.ts';
import { readHead } from './head.ts';
import { openHistory, type Past } from './history.ts';
import type { Control, Failure, Group, Head, Host, Level, PolicyGroup, Report } from './model.ts';
import { type Owners, ownerOf, readOwners } from './owners.ts';
import { pageOf } from './page/page.ts';
import { hostNames, PostureTally, type TalliedHost } from './posture-tally.ts';

export interface ReportOptions {
  /** Name of the snapshots, if a folder holds several series. */
  name?: string | undefined;
  level?: Level | undefined;
  /** Include expected and current values. */
  evidence?: boolean | undefined;
  /** A CSV file: host id or name, owner. */
  owners?: string | undefined;
  /** Only the hosts of this owner. */
  owner?: string | undefined;
  /** A history of pcrs-to-history: for the trend, and since when things fail. */
  history?: string | undefined;
  signal?: AbortSignal | undefined;
  onHosts?: ((hosts: number) => void) | undefined;
  log?: { warn(message: string): void } | undefined;
}

/** Most changes and most gaps listed; all are counted. */
const listed = 20_000;

/**
 * One HTML file about a database.
 *
 * Takes   path  a database of pcrs-to-sqlite, or a folder: its `latest.db`. Snapshots next to it show what changed
 * Yields  the page, and why the database is not proven complete; undefined if it is
 * Limits  memory grows with hosts, controls and failures, about 60 bytes a failure
 * Throws  PCRS_RECORD for another kind of file; PCRS_INCOMPLETE for a folder without a snapshot; PCRS_USAGE,
 *         PCRS_MACHINE; the signal's reason
 */
export async function report(
  path: string,
  options: ReportOptions = {},
): Promise<{ html: string; incomplete: string | undefined }> {
  // Opening reports what is wrong with a missing path.
  const database = existsSync(path) ? findSnapshot(path, options.name).database : path;
  const model = await readReport(database, options);
  return { html: pageOf(model), incomplete: model.head.incomplete };
}

async function readReport(path: string, options: ReportOptions): Promise<Report> {
  const alone = await openForReading(path, options);
  let head: Head;
  try {
    await checkLayout(alone, path);
    head = await readHead(alone, path);
  } finally {
    alone.close();
  }
  const past = options.history === undefined ? undefined : await openHistory(options.history, head);
  if (past?.holdsRun === false)
    options.log?.warn(
      `${options.history} does not hold the run of ${path}: ages are taken from the gateway's dates`,
    );
  try {
    return await readBeside(path, head, past, options);
  } finally {
    past?.close();
  }
}

/** Takes  head  of the database */
async function readBeside(
  path: string,
  head: Head,
  past: Past | undefined,
  options: ReportOptions,
): Promise<Report> {
  const before = head.startedAt === null ? undefined : await runBefore(head, snapshotsBefore(path));
  const beside = before && { path: before.path, name: 'old' };
  const database = await openForReading(path, { ...options, ...(beside && { beside }) });
  try {
    return await gather(database, head, before?.startedAt, past, options);
  } finally {
    database.close();
  }
}

async function gather(
  database: ReadDatabase,
  head: Head,
  before: string | undefined,
  past: Past | undefined,
  options: ReportOptions,
): Promise<Report> {
  const { level = 'full', owner, owners: file, signal = new AbortController().signal } = options;
  const { db } = database;
  const names = new Names(db);
  const moment = head.startedAt === null ? Number.NaN : Date.parse(head.startedAt);
  const owners = file === undefined ? undefined : await readOwners(file, signal);
  const tally = new PostureTally(names, moment, owners, past);
  const changes = new Changes(tally, listed);
  let walked = 0;
  for (const host of hostsOf(database, before !== undefined)) {
    if (owner !== undefined && !isOwned(host.new ?? host.old, owners, owner)) continue;
    if (host.new !== undefined) tally.add(host.new);
    if (before !== undefined) changes.add(host);
    walked += 1;
    if (walked % 500 === 0) await breathe(walked, options);
  }
  const controls = ranked(tally.controls.values, toFixFirst);
  const hosts = ranked(tally.hosts.values, worstFirst);
  const policies = ranked(tally.policies.values, lowestFirst);
  const places = { controls: controls.placeOf, hosts: hosts.placeOf, policies: policies.placeOf };
  const failures = shownFailures(tally, places, options);
  if (options.evidence && level === 'full') addValues(db, failures);
  const gaps = gapsIn(db, names, hosts.values, moment);
  const failing = controls.values.filter(({ outcomes }) => outcomes.failed > 0);
  for (const control of failing) control.texts = names.texts(control.id);
  return {
    head: { ...head, ...totals(tally) },
    outcomes: tally.outcomes,
    before: before === undefined ? undefined : changes.since(before),
    criticalities: tally.criticalities.values.toSorted((a, b) => b.value - a.value),
    technologies: tally.technologies.values.toSorted(byName),
    policies: policies.values,
    owners: tally.owners.values.toSorted(byName),
    controls: controls.values,
    failing: failing.length,
    hosts: hosts.values,
    failures,
    failuresInAll: tally.failures.length,
    changes: changes.found.map((change) => ({
      ...change,
      control: places.controls[change.control]!,
      host: places.hosts[change.host]!,
      policy: places.policies[change.policy]!,
    })),
    changesInAll: changes.inAll,
    gaps: gaps.slice(0, listed),
    gapsInAll: gaps.length,
    // A history counts by policy, not by host, so it has no trend for an owner.
    trend: owner === undefined ? (past?.trend ?? []) : [],
    agesBy: past?.holdsRun ? 'history' : 'gateway',
    level,
    owner,
  };
}

/** Lets signals in, and shows progress. */
async function breathe(hosts: number, { signal, onHosts }: ReportOptions): Promise<void> {
  onHosts?.(hosts);
  await turn();
  signal?.throwIfAborted();
}

function isOwned(host: TalliedHost | undefined, owners: Owners | undefined, owner: string): boolean {
  if (host === undefined) return false;
  const [first] = host.postures.values();
  return ownerOf(owners, hostNames(host.hostId, first)).toLowerCase() === owner.toLowerCase();
}

/** Items in another order, and the new place of each. */
function ranked<T>(
  things: readonly T[],
  compare: (a: T, b: T) => number,
): { values: T[]; placeOf: number[] } {
  const order = things.map((_, at) => at).sort((a, b) => compare(things[a]!, things[b]!) || a - b);
  const placeOf: number[] = [];
  for (const [place, at] of order.entries()) placeOf[at] = place;
  return { values: order.map((at) => things[at]!), placeOf };
}

/** Criticality times failing hosts; the page states the same formula. */
export function weight({ criticality, hosts }: Control): number {
  return Math.max(criticality.value, 0.5) * hosts;
}

function toFixFirst(a: Control, b: Control): number {
  return weight(b) - weight(a) || b.criticality.value - a.criticality.value || Number(a.id) - Number(b.id);
}

function worstFirst(a: Host, b: Host): number {
  return b.severe - a.severe || b.outcomes.failed - a.outcomes.failed || (a.name < b.name ? -1 : 1);
}

function lowestFirst(a: PolicyGroup, b: PolicyGroup): number {
  const rate = ({ outcomes }: PolicyGroup) => passRate(outcomes) ?? 101;
  return rate(a) - rate(b) || b.outcomes.failed - a.outcomes.failed || byName(a, b);
}

function byName(a: Group, b: Group): number {
  return a.name < b.name ? -1 : 1;
}

function totals({ outcomes, hosts, policies }: PostureTally) {
  const postures = Object.values(outcomes).reduce((sum, one) => sum + one, 0);
  return { postures, hosts: hosts.values.length, policies: policies.values.length };
}

function shownFailures(
  { failures }: PostureTally,
  places: Record<'controls' | 'hosts' | 'policies', readonly number[]>,
  { level }: ReportOptions,
): Failure[] {
  if (level === 'executive') return [];
  return chosenFailures(failures, places.controls, failuresShown).map((at) => ({
    control: places.controls[failures.control[at]!]!,
    host: places.hosts[failures.host[at]!]!,
    policy: places.policies[failures.policy[at]!]!,
    age: failures.age(at),
    rowid: failures.rowid[at]!,
    values: undefined,
  }));
}
