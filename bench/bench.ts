// Times whole processes against their peers on the same bytes, several rounds in turn. The tables go to stdout, and
// with --save to bench/RESULTS.md. --rounds N, --only WORD (of a title), --order WORD (of an order), --scale N
// (records at most: 1000000), --list.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, runProgram } from '../scripts/run-program.ts';
import { calls } from './calls.ts';
import { type Contest, contests, type Limit } from './contenders.ts';
import { versionOf } from './found.ts';
import { archivedBytes, type Input, inputOf, makeInputs } from './input.ts';
import { type Measured, measure } from './measure.ts';
import { type Order, orders } from './orders.ts';
import { scaled } from './scale.ts';
import { sizes } from './size.ts';
import { startTimes } from './start-up.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    order: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    scale: { type: 'string' },
    'no-build': { type: 'boolean', default: false },
  },
});
const all = await contests();
const data = join(root, 'bench', 'data', 'input');
const rounds = Number(options.rounds);
const lines: string[] = [];

const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
  PCRS_USERNAME: 'bench',
  PCRS_PASSWORD: 'open sesame',
  PCRS_STATE_DIR: join(root, 'bench', 'data', 'state'),
};

if (options.list)
  for (const { title, orders } of all) process.stdout.write(`${title}: ${orders.join(', ')}\n`);
else await run();

async function run(): Promise<void> {
  if (!options['no-build']) await build();
  makeInputs(data, env);
  const inputs = new Map<Order, Input>();
  const input = (order: Order): Input => {
    const known = inputs.get(order) ?? inputOf(data, order);
    inputs.set(order, known);
    return known;
  };
  say(head(input(orders[0])));
  if (wanted('The scanner')) say(scannerTable(orders.filter(inOrder).map(input)));
  for (const contest of all.filter(({ title }) => wanted(title))) {
    say(`## ${contest.title}`);
    for (const order of contest.orders.filter(inOrder)) {
      const variables = { ...env, DATA: data, INPUT: input(order).file };
      const contenders = contest.contenders.filter(({ isSlow }) => !isSlow || order === orders[0]);
      try {
        say(table(contest, await measure(contenders, rounds, variables), input(order)));
      } catch (error) {
        // The other contests are worth their minutes all the same.
        say(`**${order}: no figures.** ${(error as Error).message.trim().split('\n')[0]}`);
        process.exitCode = 1;
      }
    }
    if (contest.missing.length > 0) say(`Not on this machine: ${contest.missing.join(', ')}.`);
  }
  if (wanted('Start-up')) say(await startUp());
  if (wanted('Calls')) say(callsTable());
  if (wanted('Size')) say(sizeTable(input(orders[0])));
  if (options.scale !== undefined) say(await scaleTable(Number(options.scale)));
  say('What the time goes to, and why a limit is missed: [PROFILES.md](PROFILES.md).');
  if (options.save) writeFileSync(join(root, 'bench', 'RESULTS.md'), `${lines.join('\n\n')}\n`);
}

async function build(): Promise<void> {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const status = await runProgram(
    'npx',
    ['--yes', packageManager, 'run', 'build', '--output-logs=errors-only'],
    { stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) process.exit(status);
}

function say(text: string): void {
  lines.push(text);
  process.stdout.write(`${text}\n\n`);
}

function wanted(title: string): boolean {
  return title.toLowerCase().includes(options.only.toLowerCase());
}

function inOrder(order: Order): boolean {
  return order.includes(options.order);
}

function head({ lines: records, bytes }: Input): string {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const duckdb = JSON.parse(readFileSync(join(root, 'bench', 'package.json'), 'utf8')).dependencies;
  const versions = [
    `Node ${process.versions.node}`,
    `DuckDB ${duckdb['@duckdb/node-api']}`,
    ...['gzip', 'jq', 'sqlite-utils', 'mlr', 'python3'].flatMap((name) => versionOf(name) ?? []),
  ];
  const size = `${thousands(records)} posture records, ${megabytes(bytes)} MB of NDJSON (${(bytes / records).toFixed(0)} bytes each), ${megabytes(archivedBytes(data))} MB as received`;
  return `# What \`pnpm bench\` measured

${size}. Each command is a whole process on the same bytes, in turn, ${rounds} rounds; medians, and in brackets the least and the most. CPU is that of all threads. Three orders of the same records: as a gateway sends them (policy by policy, host by host), interleaved (a record of each of a hundred parts in turn), shuffled; and records of another shape: members in another order, names and texts that are not ASCII, of fifty records one with an escaped name and one with a name that comes twice, of 20,000 one of 5 MiB (DuckDB has no row for a name that comes twice).

${machine}; ${versions.join('; ')}.`;
}

function scannerTable(inputs: readonly Input[]): string {
  const rows = inputs.map(({ order, lines: count, plain, bytes, cpuSeconds }) => [
    order,
    thousands(count),
    ((100 * plain) / count).toFixed(1),
    ((cpuSeconds * 1e9) / count).toFixed(0),
    (bytes / 1e6 / cpuSeconds).toFixed(0),
  ]);
  const header = ['', 'lines', 'on the fast path, %', 'ns of CPU a line', 'MB/s'];
  return `## The scanner\n\nThe one pass that finds and proves all members of a line; what is not on the fast path goes through \`JSON.parse\`.\n\n${markdown(header, rows)}`;
}

function table(contest: Contest, measured: readonly Measured[], input: Input): string {
  const [ours] = measured;
  const limits = contest.limits?.(input.order) ?? {};
  const rows = measured.map((one, index) => {
    const seconds = one.runs.map((run) => run.seconds);
    return [
      one.name,
      `${one.seconds.toFixed(2)} (${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)})`,
      one.cpuSeconds?.toFixed(2) ?? '',
      (input.bytes / 1e6 / one.seconds).toFixed(0),
      one.peakMB?.toFixed(0) ?? '',
      ...(index === 0
        ? ['', '', ownLimit(contest, one)]
        : [
            part(ours?.seconds, one.seconds),
            part(ours?.cpuSeconds, one.cpuSeconds),
            limit(limits[one.name], ours!, one),
          ]),
    ];
  });
  const title =
    contest.orders.length > 1
      ? `### ${input.order}: ${thousands(input.lines)} records, ${megabytes(input.bytes)} MB, ${((100 * input.plain) / input.lines).toFixed(1)} % on the fast path\n\n`
      : '';
  const header = ['', 'seconds', 'CPU s', 'MB/s', 'peak MB', 'time, ours / its', 'CPU, ours / its', 'wanted'];
  return `${title}${markdown(header, rows)}`;
}

function part(ours: number | undefined, its: number | undefined): string {
  return ours === undefined || its === undefined ? '' : (ours / its).toFixed(2);
}

function limit(wanted: Limit | undefined, ours: Measured, its: Measured): string {
  if (wanted === undefined) return '';
  const { time, cpu } = wanted;
  const cpuPart = (ours.cpuSeconds ?? 0) / (its.cpuSeconds ?? 1);
  const isKept = ours.seconds / its.seconds <= time && (cpu === undefined || cpuPart <= cpu);
  return `time ≤ ${time}${cpu === undefined ? '' : `, CPU ≤ ${cpu}`}: ${verdict(isKept)}`;
}

function ownLimit({ own }: Contest, { seconds, peakMB }: Measured): string {
  if (own?.seconds !== undefined) return `≤ ${own.seconds} s: ${verdict(seconds <= own.seconds)}`;
  return own?.peakMB === undefined ? '' : `≤ ${own.peakMB} MB: ${verdict((peakMB ?? 0) <= own.peakMB)}`;
}

function verdict(isKept: boolean): string {
  return isKept ? 'kept' : '**missed**';
}

function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

async function startUp(): Promise<string> {
  const tools = Object.keys(
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies,
  ).filter((name) => {
    return name.startsWith('pcrs-') && spawnSync('bash', ['-c', `command -v ${name}`], { env }).status === 0;
  });
  const times = await startTimes(tools, Math.max(rounds, 11), env);
  const bare = times[0]!.ms;
  const rows = times.map(({ name, ms }) => [name, (ms / bare).toFixed(2), ms.toFixed(0)]);
  return `## Start-up\n\n${markdown(['', 'times node -e 0 (wanted: at most 2.5)', 'ms'], rows)}`;
}

function callsTable(): string {
  const rows = calls(env).map(({ what, ours, qualysEtl }) => [
    what,
    String(ours),
    String(qualysEtl),
    (qualysEtl / ours).toFixed(1),
  ]);
  return `## Calls\n\nPosture requests by \`--plan\`, against one policy and 250 hosts a request (QualysETL).\n\n${markdown(['', 'requests', 'QualysETL', 'times fewer'], rows)}`;
}

function sizeTable({ file, lines: records }: Input): string {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-bench-'));
  try {
    const { ours, flat } = sizes(file, records, folder, env);
    const rows = [
      ['pcrs-to-sqlite', '', ours.toFixed(0)],
      ["QualysETL's flat form", (flat / ours).toFixed(2), flat.toFixed(0)],
    ];
    return `## Size\n\nOf the database, over all records; keys and indexes are ours alone.\n\n${markdown(['', 'size / pcrs-to-sqlite', 'bytes a record'], rows)}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function scaleTable(most: number): Promise<string> {
  const rows: string[][] = [];
  for (let records = 10_000; records <= most; records *= 10) {
    for (const { name, seconds, peakMB } of await measure(scaled(records), 1, {
      ...env,
      DATA: data,
    })) {
      rows.push([name, seconds.toFixed(2), ((seconds / records) * 1e6).toFixed(1), peakMB?.toFixed(0) ?? '']);
    }
  }
  return `## Scale\n\nThe simulator prints the records into the pipe; \`print\` is that alone. Peak memory is that of the largest process.\n\n${markdown(['', 'seconds', 'µs a record', 'peak MB'], rows)}`;
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}
