import { counted, withCommas } from 'pcrs-records/counted';
import { durationWords } from 'pcrs-records/duration';
import { scopeWords } from 'pcrs-records/scope';
import { terminalLines, terminalText } from 'pcrs-records/terminal-text';
import type { StatusRecord } from './index.ts';
import { kindTables } from './kind-tables.ts';

/** Missing slices and newer snapshots listed in a table; the record has them all. */
const listed = 10;

/** A status in words: the result, the run, its stages, and the counts of their records. */
export function statusTable(status: StatusRecord): string {
  return `${statusBody(status)}\n${statusVerdict(status)}\n`;
}

/** A status in words without its verdict: the result, the run, its stages and their records. */
export function statusBody(status: StatusRecord): string {
  const parts = [
    heading(status),
    about(status),
    measures(status),
    stages(status),
    reconciliation(status),
    hosts(status),
    oddities(status),
    missing(status),
    beside(status),
  ];
  const filled = parts.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return terminalLines(`${filled.join('\n\n')}\n`);
}

function heading({ path, database, complete, ageSeconds, reasons }: StatusRecord): string[] {
  const word = complete === null ? 'not proven complete' : complete ? 'complete' : 'INCOMPLETE';
  const age = ageSeconds === null ? '' : `, ${durationWords(ageSeconds * 1000)} old`;
  return [
    `${database ?? path}: ${database === null ? 'NO SNAPSHOT' : word}${age}`,
    ...reasons.map(({ message }) => `  ${message}`),
  ];
}

/** The last line: whether to trust it. */
export function statusVerdict(status: StatusRecord): string {
  return terminalText(verdict(status));
}

function verdict({ ok, path, complete, base, fullRunAt, ageSeconds, reasons }: StatusRecord): string {
  if (!ok) return `NOT OK: ${path}: ${reasons.map(({ code }) => code).join(', ')}`;
  const age = ageSeconds === null ? '' : `, ${durationWords(ageSeconds * 1000)} old`;
  const since =
    base === 'delta' ? `, delta on the full run of ${moment(fullRunAt)}` : base ? `, ${base}` : '';
  return `ok: ${path}: ${complete ? 'complete' : 'not proven complete'}${since}${age}`;
}

function about(status: StatusRecord): string[] {
  const { gateway, username, subscriptionId, runId, scope, startedAt, loadedAt } = status;
  const subscription = subscriptionId === null ? '' : `, subscription ${subscriptionId}`;
  return columns(
    [
      ['gateway', gateway === null ? '' : `${gateway}${subscription}`],
      ['user', username ?? ''],
      ['run', runId ?? ''],
      ['scope', scope === null ? '' : scopeWords(scope)],
      ['base', baseWords(status)],
      ['started', moment(startedAt)],
      ['loaded', moment(loadedAt)],
      ['last attempt', attemptWords(status)],
    ].filter(([, value]) => value !== ''),
  );
}

function baseWords({ base, fullRunAt }: StatusRecord): string {
  if (base !== 'delta') return base ?? '';
  const full = fullRunAt === null ? 'no full run' : `the full run of ${moment(fullRunAt)}`;
  return `delta on ${full}: whatever vanished since then is still in it`;
}

function attemptWords({ lastAttempt }: StatusRecord): string {
  if (lastAttempt === null) return '';
  const { startedAt, status, message } = lastAttempt;
  const how =
    status === null ? 'under way, or killed' : status === 0 ? 'ended well' : `ended ${status}: ${message}`;
  return `${moment(startedAt)}, ${how}`;
}

function moment(time: string | null): string {
  return time === null ? '' : `${time.replace('T', ' ').replace(/(\.\d+)?Z$/, '')} UTC`;
}

function stages({ stages, reasons }: StatusRecord): string[] {
  if (stages.length === 0) return [];
  const rows = stages.map(({ stage, ok, status, requests, retries, warnings }) => [
    stage,
    ok === null ? 'broke off' : ok ? 'ok' : `failed (${status})`,
    ...[requests, retries, warnings].map(number),
  ]);
  const narrowed = stages.flatMap(({ narrowedBy }) => narrowedBy);
  const told = (error: string) => reasons.some(({ message }) => message.includes(error));
  return [
    ...columns([['stage', 'ended', 'requests', 'retries', 'warnings'], ...rows]),
    ...(narrowed.length === 0 ? [] : [`asked for less than all: ${narrowed.join('; ')}`]),
    ...stages.flatMap(({ stage, error }) => (error === null || told(error) ? [] : [`${stage}: ${error}`])),
  ];
}

/** By kind: made by its stage, received here, and what happened to it. */
function reconciliation({ reconciliation: counts, stages, rows }: StatusRecord): string[] {
  if (counts === null) return rowsOnly(rows);
  const table = kindTables.map(({ kind, name, stage }) => [
    kind ?? 'controls',
    kind === undefined ? '' : number(stages.find((one) => one.stage === stage)?.out[kind] ?? null),
    ...[counts.recordsReceived, counts.recordsAccepted, counts.recordsFiltered].map((of) =>
      kind === undefined ? '' : number(of[kind] ?? 0),
    ),
    number(counts.rowsStored[name] ?? 0),
    number(counts.rowsUnchanged[name] ?? 0),
    number(rows?.[name] ?? null),
  ]);
  return columns([
    ['', 'made', 'received', 'accepted', 'filtered', 'stored', 'as before', 'rows now'],
    ...table,
  ]);
}

/** Rows only: a load without a run has no counts to compare. */
function rowsOnly(rows: StatusRecord['rows']): string[] {
  if (rows === null) return [];
  return columns([
    ['', 'rows now'],
    ...kindTables.map(({ kind, name }) => [kind ?? 'controls', number(rows[name] ?? null)]),
  ]);
}

/** The snapshot's measures. */
function measures({ measures: found }: StatusRecord): string[] {
  if (found === null) return [];
  const { policies, hosts, postures, passRate, failedBy } = found;
  const failed = Object.entries(failedBy).filter(([, count]) => count > 0);
  const by = failed.map(([label, count]) => `${label} ${number(count)}`).join(', ');
  return [
    ...columns([
      ['policies', number(policies)],
      ['hosts', number(hosts)],
      ['passed', number(postures.passed)],
      ['passed by exception', number(postures.excepted)],
      ['failed', number(postures.failed)],
      ['errors', number(postures.error)],
    ]),
    `pass rate ${passRate === null ? 'unknown' : `${passRate} %`}${by === '' ? '' : `; failed: ${by}`}`,
  ];
}

function hosts({ reconciliation: counts, hostsWithoutPosture }: StatusRecord): string[] {
  if (counts === null) return [];
  const { policiesListed, policiesResolved, policyErrors, hostsResolved, hostsWithPosture } = counts;
  return columns(
    [
      ['policies listed', number(policiesListed)],
      ['policies resolved', number(policiesResolved)],
      ['policies with an error', number(policyErrors)],
      ['hosts resolved', number(hostsResolved)],
      ['hosts with posture', number(hostsWithPosture)],
      ['hosts without posture', number(hostsWithoutPosture)],
    ].filter(([, count], index) => index !== 2 || count !== '0'),
  );
}

/** Imperfections of a complete run. */
function oddities({ stale, problems }: StatusRecord): string[] {
  const counts = stale === null || stale === 0 ? [] : [['rows that the run did not contain', number(stale)]];
  for (const [name, count] of Object.entries(problems)) counts.push([name, number(count)]);
  return columns(counts);
}

function missing({ slices, missing }: StatusRecord): string[] {
  if (slices === null || slices.failed + slices.notAsked === 0) return [];
  return [
    `missing of ${counted(slices.planned, 'slice')}: ${number(slices.failed)} failed, ${number(slices.notAsked)} not asked for`,
    ...missing
      .slice(0, listed)
      .map(
        ({ policies, hosts, firstHostId, error }) =>
          `  policy ${policies.join(', ')}, ${hosts === 1 ? 'host' : `${counted(hosts, 'host')} from`} ${firstHostId}: ${error}`,
      ),
    ...(missing.length > listed ? [`  and ${missing.length - listed} more`] : []),
  ];
}

function beside({ newerIncomplete }: StatusRecord): string[] {
  return newerIncomplete.slice(0, listed).map(({ database, reason }) => `newer run: ${database}: ${reason}`);
}

function number(count: number | null): string {
  return count === null ? '-' : withCommas(count);
}

/** Aligns columns, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const isNumber = widths.map((_, index) => rows.some((row) => /^[\d,]+$/.test(row[index] ?? '')));
  return rows.map((row) =>
    row
      .map((cell, index) =>
        isNumber[index] ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
