import { deflateRawSync } from 'node:zlib';
import { passRate } from 'pcrs-database/pass-rate';
import type { Age, Report } from '../model.ts';

/** A column: its values, or places in a list that columns share. */
type Column =
  | readonly unknown[]
  | { of: string; places: readonly number[] }
  | { days: readonly number[]; atMost: readonly number[] };

/** The tables of the page as columns, compressed and as base64; `page/report.js` reads it. */
export function embedded(report: Report): string {
  const json = JSON.stringify({
    lists: listsOf(report),
    tables: tablesOf(report),
    details: detailsOf(report),
  });
  return deflateRawSync(json, { level: 9 }).toString('base64');
}

function listsOf({ controls, hosts, policies, criticalities, level }: Report) {
  return {
    controls: controls.map(({ statement }) => statement),
    hosts: level === 'full' ? hosts.map(({ name }) => name) : [],
    policies: policies.map(({ name }) => name),
    // The least critical first, so that places sort like criticalities.
    criticalities: criticalities.map(({ name }) => name).reverse(),
    levels: criticalities.map(({ value }) => value).reverse(),
  };
}

function tablesOf(report: Report): Record<string, Column[]> {
  const tables = { policies: policiesTable(report), controls: controlsTable(report) };
  if (report.level === 'executive') return tables;
  return {
    ...tables,
    hosts: hostsTable(report),
    changes: changesTable(report),
    gaps: gapsTable(report),
    failures: failuresTable(report),
  };
}

function policiesTable({ policies }: Report): Column[] {
  return [
    numbered('policies', policies),
    policies.map(({ outcomes }) => passRate(outcomes)),
    policies.map(({ outcomes }) => outcomes.passed),
    policies.map(({ outcomes }) => outcomes.excepted),
    policies.map(({ outcomes }) => outcomes.failed),
    policies.map(({ outcomes }) => outcomes.error),
    policies.map(({ hosts }) => hosts),
  ];
}

function controlsTable(report: Report): Column[] {
  const failing = report.controls.slice(0, report.failing);
  return [
    failing.map(({ id }) => id),
    numbered('controls', failing),
    criticalityColumn(report, failing, (_, at) => at),
    failing.map(({ hosts }) => hosts),
    failing.map(({ outcomes }) => passRate(outcomes)),
    daysColumn(failing.map(({ oldest }) => oldest)),
  ];
}

function hostsTable({ hosts, owners }: Report): Column[] {
  const columns: Column[] = [
    numbered('hosts', hosts),
    hosts.map(({ os }) => os),
    hosts.map(({ severe }) => severe),
    hosts.map(({ outcomes }) => outcomes.failed),
    hosts.map(({ outcomes }) => passRate(outcomes)),
    hosts.map(({ lastScan }) => lastScan),
  ];
  return owners.length === 0 ? columns : [...columns, hosts.map(({ owner }) => owner)];
}

function changesTable({ changes, ...report }: Report): Column[] {
  return [
    changes.map(({ what }) => what),
    placesIn('controls', changes, ({ control }) => control),
    criticalityColumn(report, changes, ({ control }) => control),
    placesIn('hosts', changes, ({ host }) => host),
    placesIn('policies', changes, ({ policy }) => policy),
  ];
}

function gapsTable({ gaps }: Report): Column[] {
  return [gaps.map(({ host }) => host), gaps.map(({ why }) => why), gaps.map(({ policy }) => policy)];
}

function failuresTable({ failures, ...report }: Report): Column[] {
  return [
    placesIn('controls', failures, ({ control }) => control),
    criticalityColumn(report, failures, ({ control }) => control),
    placesIn('hosts', failures, ({ host }) => host),
    placesIn('policies', failures, ({ policy }) => policy),
    daysColumn(failures.map(({ age }) => age)),
  ];
}

/** Takes  placeOf  the place of a row's item in the list */
function placesIn<Row>(of: string, rows: readonly Row[], placeOf: (row: Row, at: number) => number): Column {
  return { of, places: rows.map(placeOf) };
}

/** The list itself: its items in their places. */
function numbered(of: string, rows: readonly unknown[]): Column {
  return placesIn(of, rows, (_, at) => at);
}

/** Takes  controlOf  the place of a row's control */
function criticalityColumn<Row>(
  { controls, criticalities }: Pick<Report, 'controls' | 'criticalities'>,
  rows: readonly Row[],
  controlOf: (row: Row, at: number) => number,
): Column {
  const byName = new Map(criticalities.map(({ name }, place) => [name, criticalities.length - 1 - place]));
  const placeOf = (control: number) => byName.get(controls[control]!.criticality.label || 'none') ?? 0;
  return placesIn('criticalities', rows, (row, at) => placeOf(controlOf(row, at)));
}

/** -1 for an unknown age. */
function daysColumn(ages: readonly (Age | undefined)[]): Column {
  return { days: ages.map((age) => age?.days ?? -1), atMost: ages.map((age) => (age?.atMost ? 1 : 0)) };
}

/** Content of opened rows: the texts of each failing control, and evidence by the place of its failure. */
function detailsOf({ controls, failing, failures }: Report) {
  return {
    controls: controls.slice(0, failing).map(({ texts }) => texts),
    values: Object.fromEntries(
      failures.flatMap(({ values }, at) => (values ? [[at, [values.expected, values.current]]] : [])),
    ),
  };
}
