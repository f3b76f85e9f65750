// Times whole processes against their peers on the same bytes, several rounds in turn. The tables go to stdout, and
// with --save into bench/RESULTS.md, each in the place of the one with its title. --rounds N, --only WORD (of a title),
// --order WORD (of an order), --list. Instead of all this, --scale N runs the sinks on 10,000 (--from N), 100,000 …
// records, up to N.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, runProgram } from '../scripts/run-program.ts';
import { calls } from './calls.ts';
import { type Contest, contests } from './contenders.ts';
import { contestTable } from './contest-table.ts';
import { versionOf } from './found.ts';
import { archivedBytes, type Input, inputOf, makeInputs } from './input.ts';
import { markdown, megabytes, thousands } from './markdown.ts';
import { measure } from './measure.ts';
import { type Order, orders } from './orders.ts';
import type { Stage } from './postgres.ts';
import { saveSections } from './results.ts';
import { scaledTools, scaleTable } from './scale.ts';
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
    from: { type: 'string', default: '10000' },
    'no-build': { type: 'boolean', default: false },
  },
});
const everyContest = await contests();
const data = join(root, 'bench', 'data', 'input');
const rounds = Number(options.rounds);
const sections: string[] = [];

const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
  PCRS_USERNAME: 'bench',
  PCRS_PASSWORD: 'open sesame',
  PCRS_STATE_DIR: join(root, 'bench', 'data', 'state'),
};

if (options.list)
  for (const { title, orders } of everyContest) process.stdout.write(`${title}: ${orders.join(', ')}\n`);
else await run();

async function run(): Promise<void> {
  if (options.save && options.order !== '')
    throw new Error('--save replaces whole contests; leave --order out');
  if (!options['no-build']) await build();
  makeInputs(data, env);
  const inputs = new Map<Order, Input>();
  const input = (order: Order): Input => {
    const known = inputs.get(order) ?? inputOf(data, order);
    inputs.set(order, known);
    return known;
  };
  const about = head(input(orders[0]));
  process.stdout.write(`${about}\n\n`);
  await (options.scale === undefined ? compare(input) : grow(Number(options.from), Number(options.scale)));
  if (options.save) saveSections(join(root, 'bench', 'RESULTS.md'), about, sections);
}

async function compare(input: (order: Order) => Input): Promise<void> {
  if (wanted('The scanner')) say(scannerTable(orders.filter(inOrder).map(input)));
  for (const contest of everyContest.filter(({ title }) => wanted(title))) say(await held(contest, input));
  if (wanted('Start-up')) say(await startUp());
  if (wanted('Calls')) say(callsTable());
  if (wanted('Size')) say(sizeTable(input(orders[0])));
}

async function grow(from: number, to: number): Promise<void> {
  const sizes: number[] = [];
  for (let size = from; size <= to; size *= 10) sizes.push(size);
  for (const scaled of scaledTools.filter(({ tool }) => wanted(tool)))
    say(await scaleTable(scaled, sizes, { ...env, DATA: data }));
}

/** A contest in each of its orders. */
async function held(contest: Contest, input: (order: Order) => Input): Promise<string> {
  const { title, open, note, missing, contenders: all } = contest;
  const absent = missing.length > 0 ? [`Not on this machine: ${missing.join(', ')}.`] : [];
  const parts = [`## ${title}`];
  if (all.length === 0) return [...parts, ...absent].join('\n\n');
  // The other contests, and the other orders, are worth their minutes all the same.
  const failed = (what: string, error: unknown): void => {
    parts.push(`**${what}: no figures.** ${(error as Error).message.trim().split('\n')[0]}`);
    process.exitCode = 1;
  };
  let stage: Stage | undefined;
  try {
    stage = await open?.({ ...env, DATA: data });
    for (const order of contest.orders.filter(inOrder)) {
      const variables = { ...env, ...stage?.variables, DATA: data, INPUT: input(order).file };
      const contenders = all.filter(({ isSlow }) => !isSlow || order === orders[0]);
      try {
        parts.push(contestTable(contest, await measure(contenders, rounds, variables), input(order)));
      } catch (error) {
        failed(order, error);
      }
    }
  } catch (error) {
    failed(title, error);
  } finally {
    await stage?.close();
  }
  const notes = [stage?.about, note].filter((text) => text !== undefined);
  return [...parts, ...(notes.length > 0 ? [notes.join(' ')] : []), ...absent].join('\n\n');
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
  sections.push(text);
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

${size}. Each command is a whole process on the same bytes, in turn, in as many rounds as its table says; medians, and in brackets the least and the most. CPU is that of all threads, peak memory that of the largest process. Three orders of the same records: as a gateway sends them (policy by policy, host by host), interleaved (a record of each of a hundred parts in turn), shuffled; and records of another shape: members in another order, names and texts that are not ASCII, of fifty records one with an escaped name and one with a name that comes twice, of 20,000 one of 5 MiB (DuckDB has no row for a name that comes twice).

${machine}; ${versions.join('; ')}.

What the time goes to, and why a limit is missed: [PROFILES.md](PROFILES.md).`;
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
  return `## The scanner\n\nOne pass finds and proves all members of a line. Other lines go through \`JSON.parse\`.\n\n${markdown(header, rows)}`;
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
