import { partWords } from 'pcrs-database/rate-reasons';
import { withCommas } from 'pcrs-records/counted';
import { changeWords } from './change-words.ts';
import { momentOf } from './pair.ts';
import { inWords, limit, nameOf, points, type SummaryParts, titles } from './summary.ts';
import { allGroupings, type ChangeCounts } from './tally.ts';

type Row = readonly string[];

/** The summary as tables for a terminal: the two runs, why the pass rate changed, and what changed where. */
export function summaryTable(parts: SummaryParts, top: number): string {
  return [sides(parts), reasons(parts), changes(parts, top)]
    .filter((rows) => rows.length > 1)
    .map((rows) => `${aligned(rows).join('\n')}\n`)
    .join('\n');
}

function sides({ old, new: fresh, passRate, postures }: SummaryParts): Row[] {
  const rate = (percent: number | null) => (percent === null ? '-' : `${percent.toFixed(4)} %`);
  return [
    ['', 'before', 'now'],
    ['database', old.database, fresh.database],
    ['run of', momentOf(old) ?? '-', momentOf(fresh) ?? '-'],
    ['postures', count(postures.old), count(postures.new)],
    ['pass rate', rate(passRate.old), rate(passRate.new)],
  ];
}

function reasons({ passRate: { change, by } }: SummaryParts): Row[] {
  if (change === null) return [];
  return [
    ['points', 'why the pass rate changed'],
    ...by.map((part) => [points(part.points), partWords(part)]),
    [points(change), 'in all'],
  ];
}

function changes(parts: SummaryParts, top: number): Row[] {
  const { tally } = parts;
  const words = changeWords.filter((word) => tally.counts[word] > 0);
  const cells = (counts: ChangeCounts) => words.map((word) => count(counts[word]));
  const rows: Row[] = [
    ['changes', ...words.map((word) => inWords[word])],
    ['all', ...cells(tally.counts)],
  ];
  for (const { policyId, policyTitle } of parts.policiesAppeared)
    rows.push([`policy ${policyId} ${policyTitle ?? ''} (only now)`]);
  for (const { policyId, policyTitle } of parts.policiesVanished)
    rows.push([`policy ${policyId} ${policyTitle ?? ''} (only before)`]);
  for (const grouping of allGroupings) {
    for (const group of tally.top(grouping, top))
      rows.push([nameOf(grouping, group), ...cells(group.counts)]);
    const more = tally.size(grouping) - limit(grouping, top);
    if (top > 0 && more > 0) rows.push([`and ${count(more)} more ${titles[grouping]}`]);
  }
  return rows;
}

function count(value: number): string {
  return withCommas(value);
}

/** Numbers to the right, under their heads. */
function aligned(rows: readonly Row[]): string[] {
  const columns = (rows[0] ?? []).map((_, at) => rows.map((row) => row[at] ?? ''));
  const widths = columns.map((cells) => Math.max(...cells.map(({ length }) => length)));
  const isNumber = columns.map((cells) => cells.slice(1).every((cell) => /^([+-]?[\d,.]+)?$/.test(cell)));
  return rows.map((row) =>
    row
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}
