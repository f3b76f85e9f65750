import { flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkDuration, durationMs } from 'pcrs-records/duration';
import { codedError } from 'pcrs-records/errors';
import type { StatusOptions, StatusRecord } from './index.ts';

const gates = 'Gates (status 8)';
const age = { value: 'TIME', parse: checkDuration, group: gates };
const count = { min: 0, max: 1_000_000_000, group: gates };

const flags = {
  name: flag.text({ describe: 'the name of the snapshots in DIR', value: 'NAME' }),
  strict: flag.boolean({ describe: 'status 6 if a filter took records out of the run' }),
  format: flag.choice(['table', 'json', 'prometheus'], {
    describe: 'default: a table on a terminal, else a JSON record a line',
  }),
  output: flag.text({ describe: 'write it there, by rename, instead of stdout', value: 'FILE' }),
  'max-age': flag.text({ describe: 'the run started longer ago: 90m, 26h, 7d', ...age }),
  'max-full-age': flag.text({ describe: 'the full run that it rests on started longer ago', ...age }),
  'min-pass': flag.integer({
    describe: 'the pass rate is lower',
    value: 'PERCENT',
    ...{ min: 0, max: 100, group: gates },
  }),
  'max-failed': flag.list({
    describe: 'more failed postures of a criticality: URGENT=0,CRITICAL=20',
    value: 'LABEL=N,…',
    item: parseFailed,
    group: gates,
  }),
  'min-hosts': flag.integer({ describe: 'fewer hosts', ...count }),
  'min-policies': flag.integer({ describe: 'fewer policies', ...count }),
} as const;

type StatusContext = Context<typeof flags>;

function parseFailed(text: string): readonly [label: string, most: number] {
  const [, label, most] = /^([^=]+)=(\d{1,9})$/.exec(text) ?? [];
  if (label === undefined) throw new Error('must be a label and a number like URGENT=0');
  return [label, Number(most)];
}

export const tool = defineTool({
  name: 'pcrs-status',
  summary: 'says whether a database is complete, how old it is, what it is of, and what is missing.',
  pipes: [
    'pcrs-status snapshots',
    'pcrs-status --max-age 26h --max-failed URGENT=0 snapshots > status.json || mail -s posture ops < status.json',
    'pcrs-status --format prometheus --output pcrs.prom emea apac',
  ],
  positionals: [
    {
      name: 'DB|DIR',
      describe: 'a database of pcrs-to-sqlite, or a folder of snapshots: its latest.db',
      required: true,
      many: true,
    },
  ],
  stdin: 'none',
  flags,
  notes: [
    'The file is only read. The last line of the table is the verdict.',
    'Status 0 means complete, and every gate met. 6: the run is incomplete, was loaded without a run, is still being loaded or was killed, or there is no snapshot; 8: a gate is not met. The record gives the reasons.',
  ],
  async main(context) {
    const { isGateMiss, snapshotStatus, writePage } = await import('./index.ts');
    const options = statusOptions(context);
    const statuses: StatusRecord[] = [];
    for (const path of context.positionals) statuses.push(await snapshotStatus(path, options));
    const page = await pageOf(statuses, context);
    if (context.flags.output === undefined) await context.output.write(page);
    else writePage(context.flags.output, page);
    const bad = statuses.filter(({ ok }) => !ok);
    if (bad.length === 0) return;
    const isGate = bad.every(({ reasons }) => reasons.every(isGateMiss));
    throw codedError(isGate ? 'PCRS_GATE' : 'PCRS_INCOMPLETE', bad.map(inALine).join('; '));
  },
});

function statusOptions({ flags: values, startedAt }: StatusContext): StatusOptions {
  const { name, strict, minPass, minHosts, minPolicies, maxFailed = [] } = values;
  return {
    ...{ name, strict, minPass, minHosts, minPolicies, now: startedAt },
    maxAgeMs: values.maxAge === undefined ? undefined : durationMs(values.maxAge),
    maxFullAgeMs: values.maxFullAge === undefined ? undefined : durationMs(values.maxFullAge),
    maxFailed: Object.fromEntries(maxFailed),
  };
}

async function pageOf(statuses: readonly StatusRecord[], { flags: values, stdoutIsTerminal }: StatusContext) {
  const { prometheusPage, statusTable } = await import('./index.ts');
  const format = values.format ?? (stdoutIsTerminal && values.output === undefined ? 'table' : 'json');
  if (format === 'prometheus') return prometheusPage(statuses);
  if (format === 'table') return [...statuses.map(statusTable), ...verdictOfAll(statuses)].join('\n');
  return statuses.map((status) => `${JSON.stringify(status)}\n`).join('');
}

/** The last line, for several folders. */
function verdictOfAll(statuses: readonly StatusRecord[]): string[] {
  if (statuses.length === 1) return [];
  const bad = statuses.filter(({ ok }) => !ok).map(({ path }) => path);
  return [bad.length === 0 ? `ok: all ${statuses.length}\n` : `NOT OK: ${bad.join(', ')}\n`];
}

function inALine({ database, reasons }: StatusRecord): string {
  const messages = reasons.map(({ message }) => message).join('; ');
  return database === null ? messages : `${database}: ${messages}`;
}
