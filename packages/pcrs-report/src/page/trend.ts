import { scaleLinear, scaleUtc } from 'd3-scale';
import { line } from 'd3-shape';
import { passRate } from 'pcrs-database/pass-rate';
import type { VNode } from 'preact';
import type { TrendPoint } from '../model.ts';
import { count, day, minute, percent } from '../shown.ts';
import { html } from './html.ts';
import { short } from './parts.ts';

const [width, height] = [960, 220];
const margin = { top: 12, right: 56, bottom: 28, left: 48 };

interface Dot {
  at: Date;
  rate: number;
}

/** The pass rate over the runs as a line, and as a table for readers who cannot see it. */
export function trend(runs: readonly TrendPoint[]): VNode[] {
  const dots = runs.flatMap(({ startedAt, outcomes }): Dot[] => {
    const rate = passRate(outcomes);
    return rate === null ? [] : [{ at: new Date(startedAt), rate }];
  });
  return [chart(dots), asTable(runs)];
}

function chart(dots: readonly Dot[]): VNode {
  const rates = dots.map(({ rate }) => rate);
  const x = scaleUtc([dots[0]!.at, dots.at(-1)!.at], [margin.left, width - margin.right]);
  const y = scaleLinear([Math.min(...rates), Math.max(...rates)], [height - margin.bottom, margin.top]).nice(
    4,
  );
  const path = line<Dot>(
    (dot) => x(dot.at),
    (dot) => y(dot.rate),
  ).digits(1)(dots);
  const last = dots.at(-1)!;
  const words = `Pass rate from ${percent(dots[0]!.rate)} on ${day(dots[0]!.at.toISOString())} to ${percent(last.rate)} on ${day(last.at.toISOString())}, lowest ${percent(Math.min(...rates))}, highest ${percent(Math.max(...rates))}`;
  return html`<svg class="trend" viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${words}>
    ${y
      .ticks(4)
      .map(
        (tick) =>
          html`<g><line class="grid" x1=${margin.left} x2=${width - margin.right} y1=${short(y(tick))} y2=${short(y(tick))} /><text class="tick end" x=${margin.left - 8} y=${short(y(tick) + 4)}>${tick} %</text></g>`,
      )}
    ${daysShown(dots).map((at) => html`<text class="tick middle" x=${short(x(at))} y=${height - 6}>${day(at.toISOString()).slice(0, -5)}</text>`)}
    <path class="line" d=${path} />
    ${dots.length <= 60 && dots.map((dot) => html`<circle class="dot" cx=${short(x(dot.at))} cy=${short(y(dot.rate))} r="3" />`)}
    <text class="last" x=${short(x(last.at) + 8)} y=${short(y(last.rate) + 4)}>${percent(last.rate)}</text>
  </svg>`;
}

/** Days of runs to label below the line: at most eight, always the first and the last. */
function daysShown(dots: readonly Dot[]): Date[] {
  const step = Math.max(1, Math.ceil((dots.length - 1) / 7));
  return dots.filter((_, at) => (dots.length - 1 - at) % step === 0).map(({ at }) => at);
}

function asTable(runs: readonly TrendPoint[]): VNode {
  return html`<details><summary>The trend as a table</summary><table>
    <caption class="unseen">Postures by run</caption>
    <thead><tr><th scope="col">Run</th><th scope="col" class="num">Pass rate</th><th scope="col" class="num">Passed</th><th scope="col" class="num">Exceptions</th><th scope="col" class="num">Failed</th><th scope="col" class="num">Errors</th></tr></thead>
    <tbody>${runs
      .toReversed()
      .map(
        ({ startedAt, outcomes: { passed, excepted, failed, error }, outcomes }) =>
          html`<tr><th scope="row">${minute(startedAt)}</th><td class="num">${percent(passRate(outcomes))}</td><td class="num">${count(passed)}</td><td class="num">${count(excepted)}</td><td class="num">${count(failed)}</td><td class="num">${count(error)}</td></tr>`,
      )}</tbody>
  </table></details>`;
}
