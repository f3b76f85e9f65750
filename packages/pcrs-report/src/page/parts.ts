import { counted as countedOutcomes, type Outcomes, passRate } from 'pcrs-database/pass-rate';
import type { VNode } from 'preact';
import type { Age, Criticality } from '../model.ts';
import { count, percent } from '../shown.ts';
import { html } from './html.ts';

/** Passed, excepted and failed as parts of a bar; the same is said in words next to it. */
export function bar(outcomes: Outcomes): VNode {
  const all = countedOutcomes(outcomes) || 1;
  const [passed, excepted] = [(100 * outcomes.passed) / all, (100 * outcomes.excepted) / all];
  const failed = countedOutcomes(outcomes) === 0 ? 0 : 100 - passed - excepted;
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <rect class="pass" x="0" width=${short(passed)} height="10" />
    <rect class="except" x=${short(passed)} width=${short(excepted)} height="10" />
    <rect class="fail" x=${short(passed + excepted)} width=${short(failed)} height="10" />
  </svg>`;
}

/** A number for an attribute, without invisible digits. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** `●●●●○ CRITICAL` */
export function level({ label, value }: Criticality): VNode {
  const full = Math.max(0, Math.min(5, Math.round(value)));
  return html`<span class="level"><span class="dots" aria-hidden="true">${'●'.repeat(full)}<i>${'●'.repeat(5 - full)}</i></span> ${label || 'none'}</span>`;
}

/** `42`, `≤ 42` */
export function age(age: Age | undefined): string {
  if (age === undefined) return '–';
  return `${age.atMost ? '≤ ' : ''}${count(age.days)}`;
}

/** Outcomes of named groups, one row each. */
export function outcomesTable(
  caption: string,
  first: string,
  groups: readonly { name: VNode | string; outcomes: Outcomes }[],
): VNode {
  return html`<table class="groups">
    <caption>${caption}</caption>
    <thead><tr>
      <th scope="col">${first}</th><th scope="col" class="num">Pass rate</th><th scope="col" class="wide"><span class="unseen">Passed, excepted and failed as a bar</span></th>
      <th scope="col" class="num">Failed</th><th scope="col" class="num wide">Exceptions</th><th scope="col" class="num wide">Errors</th>
    </tr></thead>
    <tbody>${groups.map(
      ({ name, outcomes }) => html`<tr>
        <th scope="row">${typeof name === 'string' ? html`<bdi>${name}</bdi>` : name}</th>
        <td class="num">${percent(passRate(outcomes))}</td><td class="wide">${bar(outcomes)}</td>
        <td class="num">${count(outcomes.failed)}</td><td class="num wide">${count(outcomes.excepted)}</td><td class="num wide">${count(outcomes.error)}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

interface DataColumn {
  head: string;
  kind: 'text' | 'number' | 'rate' | 'days' | 'level';
  /** A date: kept on one line. */
  date?: boolean;
  /** Hidden on narrow screens. */
  wide?: boolean;
}

export interface DataTable {
  /** Its name in the page's data. */
  id: string;
  caption: string;
  columns: readonly DataColumn[];
  /** What its rows open to. */
  opens?: 'control' | 'host';
  rows: number;
}

/** A table that the page's script fills, sorts, filters and opens. */
export function dataTable({ id, caption, columns, opens, rows }: DataTable): VNode {
  if (rows === 0) return html`<p class="none">None.</p>`;
  return html`<div class="data" data-table=${id} data-opens=${opens}>
    <p class="tools" hidden><label>Filter <input type="search" spellcheck="false" autocomplete="off" /></label> <span class="found" role="status"></span></p>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${columns.map(
        ({ head, kind, date, wide }) =>
          html`<th scope="col" data-kind=${kind} class=${[kind === 'text' || kind === 'level' ? '' : 'num', wide ? 'wide' : '', date ? 'date' : ''].filter(Boolean).join(' ')}><button type="button">${head}</button></th>`,
      )}</tr></thead>
      <tbody></tbody>
    </table>
    <p class="more" hidden><button type="button">Show more</button></p>
    <noscript><p>${count(rows)} rows: the browser must let this page’s own script run to show them.</p></noscript>
  </div>`;
}
