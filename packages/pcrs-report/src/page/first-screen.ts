import { type Outcomes, passRate } from 'pcrs-database/pass-rate';
import { roundedToSum } from 'pcrs-database/rate-change';
import { partWords, type RatePart } from 'pcrs-database/rate-reasons';
import { counted } from 'pcrs-records/counted';
import type { VNode } from 'preact';
import type { Before, Head, Report } from '../model.ts';
import { between, count, minute, percent, points, visible } from '../shown.ts';
import { html } from './html.ts';
import { age, bar, level, short } from './parts.ts';

const fixFirst = 10;

/** What a reader must know first: is it complete, how old, how good, what changed, what to fix. */
export function firstScreen(report: Report): VNode {
  return html`<header>
      <p class="over"><b>Compliance posture</b>${identity(report)}</p>
      ${verdict(report.head)}
    </header>
    <div class="first">
      <section class="rate" aria-labelledby="rate">${rate(report)}${report.before && why(report.before)}</section>
      <section class="fix" aria-labelledby="fix">${toFix(report)}</section>
    </div>`;
}

function identity({ head, owner }: Report): string {
  const parts = [
    owner && `hosts of ${visible(owner)}`,
    head.subscription && `subscription ${head.subscription}`,
    head.gateway?.replace(/^https?:\/\//, ''),
  ];
  return parts
    .filter(Boolean)
    .map((part) => ` · ${part}`)
    .join('');
}

function verdict(head: Head): VNode {
  const when = head.startedAt;
  const base =
    head.base === 'full'
      ? 'full run'
      : head.base === 'delta'
        ? deltaWords(head)
        : head.base === 'dated'
          ? 'limited by date'
          : '';
  return html`<p class="state">
      <span class=${head.incomplete ? 'mark bad' : 'mark ok'}>${head.incomplete ? 'Incomplete' : 'Complete'}</span>
      ${when ? html`<span>run of <time datetime=${when}>${minute(when)}</time><span id="age"></span></span>` : html`<span>time of the run unknown</span>`}
      ${[head.scope, base].filter(Boolean).map((part) => html`<span>${part}</span>`)}
      <span>${counted(head.postures, 'posture')} of ${counted(head.hosts, 'host')} under ${counted(head.policies, 'policy')}</span>
    </p>
    ${head.incomplete && html`<div class="banner"><p><b>Not the whole picture:</b> ${visible(head.incomplete)}</p>${missing(head)}</div>`}
    <p class="banner" id="old" hidden>This report is more than two days old: run pcrs-etl and pcrs-report again before you act on it.</p>`;
}

function deltaWords({ fullRunAt }: Head): string {
  return `changes since the full run${fullRunAt ? ` of ${minute(fullRunAt)}` : ''}; whatever vanished since is still counted`;
}

function missing({ missing: lines }: Head): VNode | undefined {
  if (lines.length === 0) return undefined;
  return html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function rate({ outcomes, before }: Report): VNode {
  const change = before?.change.change;
  return html`<h1 id="rate"><span class="unseen">Pass rate </span><span class="figure">${percent(passRate(outcomes))}</span> <span class="unit">pass</span></h1>
    ${
      before &&
      change !== null &&
      change !== undefined &&
      html`<p class="change"><b class=${change < 0 ? 'worse' : 'better'}>${points(change)} points</b> since the run of <time datetime=${before.startedAt}>${minute(before.startedAt)}</time></p>`
    }
    ${bar(outcomes)}
    <dl class="legend">${legend(outcomes)}</dl>`;
}

function legend({ passed, excepted, failed, error, other }: Outcomes): VNode[] {
  const entries: [string, string, number][] = [
    ['pass', 'passed', passed],
    ['except', 'passed by exception', excepted],
    ['fail', 'failed', failed],
    ['error', 'errors, not in the rate', error],
    ['error', 'other status, not in the rate', other],
  ];
  return entries
    .filter(([key, , value]) => value > 0 || key === 'fail' || key === 'pass')
    .map(([key, words, value]) => html`<div class=${key}><dt>${words}</dt><dd>${count(value)}</dd></div>`);
}

function why({ change }: Before): VNode {
  if (change.by.length === 0) return html`<p class="why none">No status changed.</p>`;
  const largest = Math.max(...change.by.map((part) => Math.abs(part.points)), 0.0001);
  // The parts as shown add up to the change as shown.
  const hundredths = roundedToSum(
    change.by.map((part) => part.points * 100),
    Math.round((change.change ?? 0) * 100),
  );
  const parts = change.by
    .map((part, at) => ({ ...part, points: hundredths[at]! / 100 }))
    .toSorted((a, b) => Math.abs(b.points) - Math.abs(a.points));
  return html`<h2 class="small">Why it changed, in points</h2>
    <table class="why"><caption class="unseen">Parts of the change, in percentage points; they add up to it</caption>
      <thead class="unseen"><tr><th scope="col">Points</th><th scope="col">As a bar</th><th scope="col">Reason</th></tr></thead>
      <tbody>${parts.map((part) => html`<tr><td class="num">${points(part.points)}</td><td>${diverging(part, largest)}</td><td>${partWords(part)}</td></tr>`)}</tbody>
    </table>`;
}

/** A bar to the left for a part that lowered the rate, to the right for one that raised it. */
function diverging({ points: value }: RatePart, largest: number): VNode {
  const width = Math.max((50 * Math.abs(value)) / largest, value === 0 ? 0 : 1);
  return html`<svg class="diverging" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
    <rect class=${value < 0 ? 'fail' : 'pass'} x=${short(value < 0 ? 50 - width : 50)} width=${short(width)} height="10" />
    <rect class="axis" x="49.5" width="1" height="10" />
  </svg>`;
}

function toFix({ controls, failing }: Report): VNode {
  if (failing === 0) return html`<h2 id="fix">Fix first</h2><p class="none">Nothing fails.</p>`;
  const first = controls.slice(0, Math.min(failing, fixFirst));
  return html`<h2 id="fix">Fix first <small>by criticality × hosts that fail</small></h2>
    <table><caption class="unseen">The controls to fix first</caption>
      <thead><tr><th scope="col">Control</th><th scope="col">Criticality</th><th scope="col" class="num">Hosts</th><th scope="col" class="num wide">Oldest, days</th></tr></thead>
      <tbody>${first.map(
        (control) => html`<tr>
          <th scope="row"><a href=${`#control-${control.id}`}><bdi>${control.statement}</bdi></a></th>
          <td>${level(control.criticality)}</td><td class="num">${count(control.hosts)}</td><td class="num wide">${age(control.oldest)}</td>
        </tr>`,
      )}</tbody>
    </table>`;
}

/** The time between the two runs. */
export function sinceWords(report: Report): string {
  const { before, head } = report;
  if (before === undefined || head.startedAt === null) return '';
  return `since ${minute(before.startedAt)}, ${between(before.startedAt, head.startedAt)} before`;
}
