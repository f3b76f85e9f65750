// Whole processes against their peers on the same bytes, several rounds in turn; the table goes to stdout, and with
// --save to bench/RESULTS.md. --rounds N, --only WORD (of a title), --scale N (records at most: 1000000).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, runProgram } from '../scripts/run-program.ts';
import { calls } from './calls.ts';
import { type Contest, contests } from './contenders.ts';
import { versionOf } from './found.ts';
import { archivedBytes, type Input, makeInput } from './input.ts';
import { type Measured, measure } from './measure.ts';
import { scaled } from './scale.ts';
import { sizes } from './size.ts';
import { startTimes } from './start-up.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    save: { type: 'boolean', default: false },
    scale: { type: 'string' },
    'no-build': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const lines: string[] = [];

if (!options['no-build']) await build();
const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
  PCRS_USERNAME: 'bench',
  PCRS_PASSWORD: 'open sesame',
  PCRS_STATE_DIR: join(root, 'bench', 'data', 'state'),
};
const input = makeInput(join(root, 'bench', 'data', 'input'), env);
say(head(input));
for (const contest of await contests())
  if (wanted(contest.title))
    say(table(contest, await measure(contest.contenders, rounds, { ...env, DATA: input.folder }), input));
if (wanted('Start-up')) say(await startUp());
if (wanted('Calls')) say(callsTable());
if (wanted('Size')) say(sizeTable());
if (options.scale !== undefined) say(await scaleTable(Number(options.scale)));
if (options.save) writeFileSync(join(root, 'bench', 'RESULTS.md'), `${lines.join('\n\n')}\n`);

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

function head({ records, bytes, folder }: Input): string {
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const versions = [
    `Node ${process.versions.node}`,
    ...['gzip', 'jq', 'sqlite-utils', 'mlr', 'python3'].flatMap((name) => versionOf(name) ?? []),
  ];
  const size = `${records.toLocaleString('en-US')} posture records, ${(bytes / 1e6).toFixed(0)} MB of NDJSON (${(bytes / records).toFixed(0)} bytes each), ${(archivedBytes(folder) / 1e6).toFixed(0)} MB as received`;
  return `# What \`pnpm bench\` measured\n\n${size}. Each command is a whole process on the same bytes, in turn, ${rounds} rounds; medians.\n\n${machine}; ${versions.join('; ')}.`;
}

function table(
  { title, targets, missing }: Contest,
  measured: readonly Measured[],
  { records, bytes }: Input,
): string {
  const [ours] = measured;
  const rows = measured.map((one, index) => [
    one.name,
    index === 0 ? '' : `${(one.seconds / ours!.seconds).toFixed(2)}`,
    index === 0 ? '' : (targets[one.name] ?? ''),
    one.seconds.toFixed(2),
    Math.round(records / one.seconds).toLocaleString('en-US'),
    (bytes / 1e6 / one.seconds).toFixed(0),
    one.peakMiB?.toFixed(0) ?? '',
  ]);
  const absent = missing.length > 0 ? `\n\nNot on this machine: ${missing.join(', ')}.` : '';
  const promised = targets['its stages alone']
    ? `\n\nWanted: ${targets['its stages alone']}; here ${percentOfSlowest(measured)} %.`
    : '';
  return `## ${title}\n\n${markdown(['', `seconds / ${ours!.name}`, 'wanted', 'seconds', 'records/s', 'MB/s', 'peak MiB'], rows)}${promised}${absent}`;
}

function percentOfSlowest([pipe, ...stages]: readonly Measured[]): string {
  return ((Math.max(...stages.map(({ seconds }) => seconds)) / pipe!.seconds) * 100).toFixed(0);
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

function sizeTable(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-bench-'));
  try {
    const { ours, flat } = sizes(join(input.folder, 'posture.ndjson'), input.records, folder, env);
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
    for (const { name, seconds, peakMiB } of await measure(scaled(records), 1, env)) {
      rows.push([
        name,
        seconds.toFixed(2),
        ((seconds / records) * 1e6).toFixed(1),
        peakMiB?.toFixed(0) ?? '',
      ]);
    }
  }
  return `## Scale\n\nThe simulator prints the records into the pipe; \`print\` is that alone. Peak memory is that of the largest process.\n\n${markdown(['', 'seconds', 'µs a record', 'peak MiB'], rows)}`;
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}
