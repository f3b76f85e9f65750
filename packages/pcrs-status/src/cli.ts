import { flag } from 'pcrs-cli/flags';
import type { Output } from 'pcrs-cli/output';
import type { Verdict } from 'pcrs-cli/paint';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { checkDuration, durationMs } from 'pcrs-records/duration';
import { codedError } from 'pcrs-records/errors';
import type { StatusOptions, StatusRecord } from './index.ts';

const gates = 'Gates (status 8)';
const age = { value: 'TIME', parse: checkDuration, group: gates };
const count = { min: 0, max: 1_000_000_000, group: gates };

const flags = {
  name: flag.text({ describe: 'name of the snapshots in DIR', value: 'NAME' }),
  strict: flag.boolean({ describe: 'status 6 if a filter took records out of the run' }),
  format: flag.choice(['table', 'json', 'prometheus'], {
    describe: 'default: a table on a terminal, else one JSON record per line',
  }),
  output: flag.text({ describe: 'file to write (by rename) instead of stdout', value: 'FILE' }),
  'max-age': flag.text({ describe: 'fail if the run started longer ago than 90m, 26h, 7d', ...age }),
  'max-full-age': flag.text({ describe: 'fail if its last full run started longer ago', ...age }),
  'min-pass': flag.integer({
    describe: 'fail if the pass rate is lower',
    value: 'PERCENT',
    ...{ min: 0, max: 100, group: gates },
  }),
  'max-failed': flag.list({
    describe: 'fail if more postures of a criticality failed: URGENT=0,CRITICAL=20',
    value: 'LABEL=N,…',
    item: parseFailed,
    group: gates,
  }),
  'min-hosts': flag.integer({ describe: 'fail if there are fewer hosts', ...count }),
  'min-policies': flag.integer({ describe: 'fail if there are fewer policies', ...count }),
} as const;

type StatusContext = Context<typeof flags>;

function parseFailed(text: string): readonly [label: string, most: number] {
  const [, label, most] = /^([^=]+)=(\d{1,9})$/.exec(text) ?? [];
  if (label === undefined) throw new Error('must be a label and a number like URGENT=0');
  return [label, Number(most)];
}

export const tool = defineTool({
  name: 'pcrs-status',
  summary: 'says whether a database is complete, how old it is, what it covers, and what is missing.',
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
    'The database is opened read-only. The last line of the table is the verdict.',
    'Status 0: complete, and every gate is met. 6: the run is incomplete, the records were loaded without a run, the load is unfinished or was killed, or there is no snapshot. 8: a gate is not met. The output gives the reasons.',
  ],
  async main(context) {
    const { isGateMiss, snapshotStatus, writePage } = await import('./index.ts');
    const options = statusOptions(context);
    const statuses: StatusRecord[] = [];
    for (const path of context.positionals) statuses.push(await snapshotStatus(path, options));
    const parts = await partsOf(statuses, context);
    if (context.flags.output !== undefined)
      writePage(context.flags.output, parts.map(({ text }) => text).join(''));
    else for (const part of parts) await writePart(context.output, part);
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

/** A part of the output; a verdict is one line. */
interface Part {
  text: string;
  verdict?: Verdict;
}

function writePart(output: Output, { text, verdict }: Part) {
  return verdict === undefined ? output.write(text) : output.verdict(verdict, text.trimEnd());
}

async function partsOf(
  statuses: readonly StatusRecord[],
  { flags: values, stdoutIsTerminal }: StatusContext,
): Promise<Part[]> {
  const { prometheusPage, statusBody, statusVerdict } = await import('./index.ts');
  const format = values.format ?? (stdoutIsTerminal && values.output === undefined ? 'table' : 'json');
  if (format === 'prometheus') return [{ text: prometheusPage(statuses) }];
  if (format === 'json') return statuses.map((status) => ({ text: `${JSON.stringify(status)}\n` }));
  const tables = statuses.flatMap((status, index): Part[] => [
    { text: `${index === 0 ? '' : '\n'}${statusBody(status)}\n` },
    verdictPart(status.ok, statusVerdict(status)),
  ]);
  return [...tables, ...verdictOfAll(statuses)];
}

/** The last line, for several folders. */
function verdictOfAll(statuses: readonly StatusRecord[]): Part[] {
  if (statuses.length === 1) return [];
  const bad = statuses.filter(({ ok }) => !ok).map(({ path }) => path);
  const words = bad.length === 0 ? `ok: all ${statuses.length}` : `NOT OK: ${bad.join(', ')}`;
  return [{ text: '\n' }, verdictPart(bad.length === 0, words)];
}

function verdictPart(ok: boolean, words: string): Part {
  return { text: `${words}\n`, verdict: ok ? 'good' : 'bad' };
}

function inALine({ database, reasons }: StatusRecord): string {
  const messages = reasons.map(({ message }) => message).join('; ');
  return database === null ? messages : `${database}: ${messages}`;
}
