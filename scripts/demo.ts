// The whole job on this machine: build, a gateway to ask, the pipe into a snapshot and CSV, and what is in them.
// All that it makes lies in ./demo, which each run makes anew.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { showTables } from './demo-tables.ts';
import { root, runProgram } from './run-program.ts';

const folder = join(root, 'demo');
const startedAt = performance.now();
let simulator: ChildProcess | undefined;
let interrupted: number | undefined;

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    interrupted = status;
    simulator?.kill();
  });
}
process.exitCode = await demo()
  .catch((error: Error) => {
    if (interrupted === undefined) process.stderr.write(`demo: ${error.message}\n`);
    return 1;
  })
  .finally(() => simulator?.kill());
if (interrupted !== undefined) process.exitCode = interrupted;

async function demo(): Promise<number> {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  say('Building the packages');
  const built = await runProgram(
    'npx',
    ['--yes', packageManager, 'run', 'build', '--output-logs=errors-only'],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    },
  );
  if (built !== 0) return built;

  rmSync(folder, { recursive: true, force: true });
  // Small enough for the gateway's limit of 25 requests a minute, so that nobody waits.
  const world = ['--policies', '24', '--hosts', '150', '--controls', '40'];
  say(`Starting a gateway on this machine: pcrs-simulator ${world.join(' ')}`);
  const gateway = await startGateway(['--port', '0', ...world]);

  const pipe = 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence';
  const steps = [
    `${pipe} | tee run.ndjson | pcrs-to-sqlite --snapshot snapshots`,
    'pcrs-to-csv --dir csv < run.ndjson',
  ];
  for (const line of steps) {
    say('Running in ./demo', `$ ${line}`);
    const status = await shell(line, gateway);
    if (status !== 0) return status;
  }
  showTables(join(folder, 'snapshots', 'latest.db'));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const left = 'demo/snapshots/latest.db, demo/csv/*.csv, demo/run.ndjson (the stream itself)';
  say(`Done in ${seconds} s; the gateway is stopped. What it made stays: ${left}`);
  return 0;
}

async function startGateway(args: readonly string[]): Promise<string> {
  const bin = join(root, 'packages/pcrs-simulator/bin/pcrs-simulator.js');
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  simulator = child;
  child.stdout.setEncoding('utf8');
  for await (const line of child.stdout) return (JSON.parse(line) as { gateway: string }).gateway;
  throw new Error('the simulator ended at once');
}

/** One line of bash in the demo's folder, with the built tools by their names. */
async function shell(line: string, gateway: string): Promise<number> {
  const bins = ['auth', 'policies', 'hostids', 'posture', 'to-sqlite', 'to-csv'].map(
    (name) => `pcrs-${name}`,
  );
  const functions = bins.map((name) => `${name}() { "$NODE" "$ROOT/packages/${name}/bin/${name}.js" "$@"; }`);
  const script = `mkdir -p "$ROOT/demo"; cd "$ROOT/demo"; ${functions.join('; ')}\n${line}`;
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('PCRS_'));
  return runProgram('bash', ['-o', 'pipefail', '-c', script], {
    env: {
      ...Object.fromEntries(ours),
      PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
      ROOT: root.replace(/\/$/, ''),
      NODE: process.execPath,
      PCRS_GATEWAY: gateway,
      PCRS_USERNAME: 'demo',
      PCRS_PASSWORD: 'demo',
      PCRS_STATE_DIR: join(folder, 'state'),
    },
  });
}

function say(what: string, more = ''): void {
  process.stdout.write(`\n\u2014 ${what}${more && `\n  ${more}`}\n`);
}
