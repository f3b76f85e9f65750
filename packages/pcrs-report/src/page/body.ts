import type { VNode } from 'preact';
import { hostsAControl } from '../chosen.ts';
import { scanDays } from '../gaps.ts';
import type { Report } from '../model.ts';
import { count, visible } from '../shown.ts';
import { firstScreen, sinceWords } from './first-screen.ts';
import { html } from './html.ts';
import { type DataTable, dataTable, level, outcomesTable } from './parts.ts';
import { trend } from './trend.ts';

interface Section {
  id: string;
  title: string;
  note?: string | undefined;
  content: VNode | VNode[];
}

interface TableSection extends Omit<Section, 'content'>, Omit<DataTable, 'caption'> {
  /** The title unless it is given. */
  caption?: string;
}

/** The whole visible page. */
export function body(report: Report): VNode {
  const sections = sectionsOf(report);
  return html`<body>
    <a class="skip" href="#policies">To the tables</a>
    ${firstScreen(report)}
    <nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href=${`#${id}`}>${title}</a></li>`)}</ul></nav>
    <main>${sections.map(
      ({ id, title, note, content }) => html`<section id=${id} aria-labelledby=${`h-${id}`}>
        <h2 id=${`h-${id}`}>${title}</h2>${note && html`<p class="note">${note}</p>`}${content}
      </section>`,
    )}</main>
    ${about(report)}
  </body>`;
}

function sectionsOf(report: Report): Section[] {
  const isFull = report.level === 'full';
  return [
    ...(report.trend.length > 1 ? [{ id: 'trend', title: 'Trend', content: trend(report.trend) }] : []),
    policies(report),
    breakdown(report),
    controls(report),
    ...(isFull
      ? [hosts(report), ...(report.before ? [changes(report)] : []), gaps(report), failures(report)]
      : []),
  ];
}

/** A section of one table. */
function tabled({ title, note, caption = title, ...table }: TableSection): Section {
  return { id: table.id, title, note, content: dataTable({ caption, ...table }) };
}

function policies({ policies: rows }: Report): Section {
  const columns = [
    { head: 'Policy', kind: 'text' },
    { head: 'Pass rate', kind: 'rate' },
    { head: 'Passed', kind: 'number', wide: true },
    { head: 'Exceptions', kind: 'number', wide: true },
    { head: 'Failed', kind: 'number' },
    { head: 'Errors', kind: 'number', wide: true },
    { head: 'Hosts', kind: 'number', wide: true },
  ] as const;
  return tabled({ id: 'policies', title: 'Policies', columns, rows: rows.length });
}

function breakdown({ criticalities, technologies, owners }: Report): Section {
  const byLevel = criticalities.map(({ name, value, outcomes }) => ({
    name: level({ label: name, value }),
    outcomes,
  }));
  return {
    id: 'breakdown',
    title: 'Criticality and technology',
    content: [
      outcomesTable('By criticality of the control', 'Criticality', byLevel),
      outcomesTable('By technology', 'Technology', technologies),
      ...(owners.length > 0 ? [outcomesTable('By owner', 'Owner', owners)] : []),
    ],
  };
}

function controls({ failing, level: shown }: Report): Section {
  const columns = [
    { head: 'CID', kind: 'number', wide: true },
    { head: 'Control', kind: 'text' },
    { head: 'Criticality', kind: 'level' },
    { head: 'Hosts', kind: 'number' },
    { head: 'Pass rate', kind: 'rate', wide: true },
    { head: 'Oldest, days', kind: 'days', wide: true },
  ] as const;
  const more = shown === 'full' ? `, and at most ${hostsAControl} of the hosts on which it fails` : '';
  return tabled({
    id: 'controls',
    title: 'Failing controls',
    note: `A control opens to its rationale, remediation${more}.`,
    columns,
    opens: 'control',
    rows: failing,
  });
}

function hosts({ hosts: rows, owners }: Report): Section {
  const columns = [
    { head: 'Host', kind: 'text' },
    { head: 'Operating system', kind: 'text', wide: true },
    { head: 'Urgent or critical', kind: 'number' },
    { head: 'Failed', kind: 'number' },
    { head: 'Pass rate', kind: 'rate', wide: true },
    { head: 'Last scan', kind: 'text', wide: true, date: true },
    ...(owners.length > 0 ? [{ head: 'Owner', kind: 'text' } as const] : []),
  ] as const;
  return tabled({ id: 'hosts', title: 'Hosts', columns, opens: 'host', rows: rows.length });
}

function changes(report: Report): Section {
  const columns = [
    { head: 'Change', kind: 'text' },
    { head: 'Control', kind: 'text' },
    { head: 'Criticality', kind: 'level', wide: true },
    { head: 'Host', kind: 'text' },
    { head: 'Policy', kind: 'text', wide: true },
  ] as const;
  return tabled({
    id: 'changes',
    title: 'Newly failed and fixed',
    note: `${capital(sinceWords(report))}. ${cut(report.changes.length, report.changesInAll, 'pcrs-diff lists all')}`,
    caption: 'Changes',
    columns,
    rows: report.changes.length,
  });
}

function gaps({ gaps: rows, gapsInAll }: Report): Section {
  const columns = [
    { head: 'Host', kind: 'text' },
    { head: 'Gap', kind: 'text' },
    { head: 'Policy', kind: 'text', wide: true },
  ] as const;
  return tabled({
    id: 'gaps',
    title: 'Gaps',
    note: `Hosts of a policy without any posture, and hosts not scanned in the ${scanDays} days before the run. ${cut(rows.length, gapsInAll, 'SELECT * FROM v_pcrs_hosts_without_posture')}`,
    columns,
    rows: rows.length,
  });
}

function failures({ failures: rows, failuresInAll, agesBy }: Report): Section {
  const columns = [
    { head: 'Control', kind: 'text' },
    { head: 'Criticality', kind: 'level', wide: true },
    { head: 'Host', kind: 'text' },
    { head: 'Policy', kind: 'text', wide: true },
    { head: 'Days', kind: 'days' },
  ] as const;
  const rest = "SELECT * FROM v_pcrs_postureinfo WHERE status = 'Failed'";
  return tabled({
    id: 'failures',
    title: 'All failures',
    note: `${daysWords[agesBy]} ${cut(rows.length, failuresInAll, rest)}`,
    caption: 'Failures',
    columns,
    rows: rows.length,
  });
}

const daysWords: Readonly<Record<Report['agesBy'], string>> = {
  gateway: 'Days since the first failure; ≤ if the host passed since.',
  history: 'Days of failing without a pass in between, according to the history.',
};

function cut(shown: number, all: number, rest: string): string {
  return shown === all
    ? ''
    : `Showing ${count(shown)} of ${count(all)}, ${count(all - shown)} are omitted; for the rest: ${rest}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function about({ head }: Report): VNode {
  return html`<footer>
    <p>Pass rate: (passed + passed by exception) ÷ (passed + passed by exception + failed). A posture counts once; errors are not in it. In SQL: <code>v_pcrs_pass_rate</code>.</p>
    <p>${[head.runId && `run ${head.runId}`, `database ${visible(head.database)}`].filter(Boolean).join(' · ')} · made by pcrs-report; this file asks the network for nothing.</p>
  </footer>`;
}
