import type { RateChange } from 'pcrs-database/rate-change';
import { partWords } from 'pcrs-database/rate-reasons';
import { withCommas } from 'pcrs-records/counted';
import type { RawJson } from 'pcrs-records/json';
import type { Id } from './change-record.ts';
import { type ChangeWord, changeWords } from './change-words.ts';
import { type LonePolicy, momentOf, type Side } from './pair.ts';
import { allGroupings, type ChangeCounts, type Group, type Grouping, type Tally } from './tally.ts';

/** Contents of a summary. */
export interface SummaryParts {
  old: Side;
  new: Side;
  postures: { old: number; new: number };
  tally: Tally;
  passRate: RateChange;
  policiesAppeared: readonly LonePolicy[];
  policiesVanished: readonly LonePolicy[];
}

/**
 * The summary as a record; lists of policies, hosts and controls hold at most `top`, those with the most new failures
 * first.
 */
export function summaryRecord(parts: SummaryParts, top: number): object {
  const { tally, postures } = parts;
  const lists = allGroupings.map((grouping) => [
    grouping,
    tally.top(grouping, limit(grouping, top)).map(({ name, counts }) => ({ ...exact(name), ...counts })),
  ]);
  return {
    kind: 'change-summary',
    old: sideRecord(parts.old, postures.old),
    new: sideRecord(parts.new, postures.new),
    changes: tally.counts,
    passRate: passRateRecord(parts.passRate),
    policiesAppeared: parts.policiesAppeared.map((policy) => exact({ ...policy })),
    policiesVanished: parts.policiesVanished.map((policy) => exact({ ...policy })),
    ...Object.fromEntries(lists),
  };
}

/** `by` is an object by reason: `{"fixed":{"points":0.18,"postures":43,…},…}`. */
function passRateRecord({ old, new: fresh, change, by }: RateChange): object {
  const parts = by.map(({ reason, ...part }) => [reason, part]);
  return { old, new: fresh, change, by: Object.fromEntries(parts) };
}

function sideRecord(side: Side, postures: number): object {
  const { load, run } = side.status;
  return {
    database: side.database,
    runId: run?.runId ?? null,
    startedAt: momentOf(side),
    complete: load === undefined || load.state === 'without a run' ? null : load.state === 'complete',
    postures,
  };
}

/** Criticalities are few: all are listed. */
export function limit(grouping: Grouping, top: number): number {
  return grouping === 'byCriticality' ? Number.POSITIVE_INFINITY : top;
}

/** Ids with all their digits, as JSON numbers. */
function exact(name: Readonly<Record<string, Id | string | null>>): object {
  const entries = Object.entries(name).map(([member, value]) => [member, numberOf(value)]);
  return Object.fromEntries(entries);
}

function numberOf(value: Id | string | null): number | string | null | RawJson {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : JSON.rawJSON(String(value));
}

/** Changes in words. */
export const inWords: Readonly<Record<ChangeWord, string>> = {
  newly_failed: 'newly failed',
  fixed: 'fixed',
  status_changed: 'status changed otherwise',
  appeared: 'appeared',
  vanished: 'vanished',
  control_added: 'controls added',
  control_removed: 'controls removed',
};

/** What a grouping holds, in words. */
export const titles: Readonly<Record<Grouping, string>> = {
  byPolicy: 'policies',
  byHost: 'hosts',
  byControl: 'controls',
  byCriticality: 'criticality',
};

/**
 * The summary in words: a sentence, then a line for each of the first policies, hosts, controls and criticalities.
 */
export function summaryLines(parts: SummaryParts, top: number): string[] {
  const { tally, postures } = parts;
  const of = `of ${withCommas(postures.old)} and ${withCommas(postures.new)} postures`;
  const lines = [tally.total === 0 ? `no change ${of}` : `${counted(tally.counts, true)}; ${of}`];
  lines.push(...rateLines(parts.passRate));
  for (const { policyId, policyTitle } of parts.policiesAppeared)
    lines.push(`policy only in ${parts.new.database}: ${labelled(policyId, policyTitle)}`);
  for (const { policyId, policyTitle } of parts.policiesVanished)
    lines.push(`policy only in ${parts.old.database}: ${labelled(policyId, policyTitle)}`);
  for (const grouping of allGroupings) {
    for (const group of tally.top(grouping, top))
      lines.push(`  ${nameOf(grouping, group)}: ${counted(group.counts)}`);
    const more = tally.size(grouping) - limit(grouping, top);
    if (top > 0 && more > 0) lines.push(`  and ${withCommas(more)} ${titles[grouping]} more`);
  }
  return lines;
}

/** The pass rate, and a line for each part of its change. */
function rateLines({ old, new: fresh, change, by }: RateChange): string[] {
  if (old === null || fresh === null || change === null) return [];
  return [
    `pass rate ${old.toFixed(4)} % before, ${fresh.toFixed(4)} % now: ${points(change)} points`,
    ...by.map((part) => `  ${points(part.points).padStart(9)}  ${partWords(part)}`),
  ];
}

/** A difference in percentage points, with its sign. */
export function points(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(4)}`;
}

function counted(counts: ChangeCounts, all = false): string {
  return changeWords
    .filter((word) => all || counts[word] > 0)
    .map((word) => `${withCommas(counts[word])} ${inWords[word]}`)
    .join(', ');
}

/** `policy 5772988 CIS …`, `host 118772 192.0.2.1 srv`. */
export function nameOf(grouping: Grouping, { name }: Group): string {
  const [id, ...words] = Object.values(name);
  if (grouping === 'byCriticality') return `criticality ${id ?? 'unknown'}`;
  const word = { byPolicy: 'policy', byHost: 'host', byControl: 'control' }[grouping];
  return `${word} ${labelled(id ?? '?', words.filter(Boolean).join(' '))}`;
}

/** An id and a title on one line. */
function labelled(id: Id | string, title: string | null): string {
  if (!title) return String(id);
  return `${id} ${title.length > 60 ? `${title.slice(0, 59)}…` : title}`;
}
