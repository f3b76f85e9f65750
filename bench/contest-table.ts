import type { Contest } from './contenders.ts';
import type { Input } from './input.ts';
import { judged } from './limits.ts';
import { markdown, megabytes, thousands } from './markdown.ts';
import type { Measured } from './measure.ts';

/** The figures of a contest in one order, and below them its limits. */
export function contestTable(contest: Contest, measured: readonly Measured[], input: Input): string {
  const { orders, counted, limits } = contest;
  const [ours] = measured;
  const rounds = ours?.runs.length;
  const header = [
    ...[
      '',
      `seconds, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`,
      'CPU s',
      'records/s',
      'MB/s',
      'peak MB',
    ],
    ...['time, ours / its', 'CPU, ours / its', ...(counted === undefined ? [] : [counted])],
  ];
  const rows = measured.map((one) => {
    const seconds = one.runs.map((run) => run.seconds);
    return [
      one.name,
      `${one.seconds.toFixed(2)} (${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)})`,
      one.cpuSeconds?.toFixed(2) ?? '',
      thousands(Math.round(input.lines / one.seconds)),
      megabytes(input.bytes / one.seconds),
      one.peakMB?.toFixed(0) ?? '',
      one === ours ? '' : part(ours?.seconds, one.seconds),
      one === ours ? '' : part(ours?.cpuSeconds, one.cpuSeconds),
      ...(counted === undefined
        ? []
        : [one.count?.toLocaleString('en-US', { maximumFractionDigits: 1 }) ?? '']),
    ];
  });
  const title =
    orders.length > 1
      ? `### ${input.order}: ${thousands(input.lines)} records, ${megabytes(input.bytes)} MB, ${((100 * input.plain) / input.lines).toFixed(1)} % on the fast path`
      : '';
  const verdicts = judged(limits?.(input.order) ?? [], measured, input.lines, counted);
  return [title, markdown(header, rows), verdicts.map((line) => `- ${line}`).join('\n')]
    .filter((text) => text !== '')
    .join('\n\n');
}

function part(ours: number | undefined, its: number | undefined): string {
  return ours === undefined || its === undefined ? '' : (ours / its).toFixed(2);
}
