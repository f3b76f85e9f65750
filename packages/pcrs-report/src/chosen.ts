import type { Database } from 'pcrs-database/open';
import { postureTable } from 'pcrs-records/columns';
import { parsedObject } from 'pcrs-records/kinds';
import type { Failure, Values } from './model.ts';
import type { FailureColumns } from './posture-tally.ts';
import { visible } from './shown.ts';

/** A page with more rows opens slowly. */
export const failuresShown = 100_000;
/** Hosts per control with evidence; they are always among the failures shown. */
export const hostsAControl = 50;
/** Limit for one value: evidence may be a whole file. */
const valueLength = 2000;

/**
 * The failures that a page shows: the first hosts of each control, then the controls to fix first.
 *
 * Takes  rank  of each control: 0 is to be fixed first
 */
export function chosenFailures(failures: FailureColumns, rank: readonly number[], limit: number): number[] {
  const seen = new Map<number, number>();
  const ranked = Array.from({ length: failures.length }, (_, at) => at).sort(
    (a, b) => rank[failures.control[a]!]! - rank[failures.control[b]!]! || a - b,
  );
  if (ranked.length <= limit) return ranked;
  const isFirst = (at: number): boolean => {
    const control = failures.control[at]!;
    const nth = (seen.get(control) ?? 0) + 1;
    seen.set(control, nth);
    return nth <= hostsAControl;
  };
  const [first, rest]: [number[], number[]] = [[], []];
  for (const at of ranked) (isFirst(at) ? first : rest).push(at);
  const chosen = [...first.slice(0, limit), ...rest.slice(0, Math.max(0, limit - first.length))];
  return chosen.sort((a, b) => rank[failures.control[a]!]! - rank[failures.control[b]!]! || a - b);
}

/** Adds expected and current values to the first failures of each control. */
export function addValues(db: Database, failures: readonly Failure[]): void {
  const row = db.prepare(`SELECT evidence, causeOfFailure FROM ${postureTable.name} WHERE rowid = ?`);
  const seen = new Map<number, number>();
  for (const failure of failures) {
    const nth = (seen.get(failure.control) ?? 0) + 1;
    seen.set(failure.control, nth);
    if (nth > hostsAControl) continue;
    const { evidence, causeOfFailure } = row.get(failure.rowid) as Record<string, unknown>;
    failure.values = valuesOf(evidence, causeOfFailure);
  }
}

function valuesOf(evidence: unknown, cause: unknown): Values | undefined {
  const [found, why] = [parsedObject(evidence) ?? {}, parsedObject(cause) ?? {}];
  const expected = text(found['expectedValues']);
  const current = text(found['currentValues'] ?? why['unexpected'] ?? why['missing']);
  return expected === '' && current === '' ? undefined : { expected, current };
}

function text(value: unknown): string {
  const lines = Array.isArray(value) ? value.map(scalar).join('\n') : scalar(value);
  return visible(lines.length > valueLength ? `${lines.slice(0, valueLength)}…` : lines);
}

function scalar(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
