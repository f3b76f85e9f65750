// A simulator from source, and the `export` lines to paste into another shell. Arguments go to pcrs-simulator.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceBins, sourceEnvironment } from './source-bins.ts';

const state = mkdtempSync(join(tmpdir(), 'pcrs-sim-'));
const child = spawn('pcrs-simulator', process.argv.slice(2), {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: sourceEnvironment(),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));

let printed = '';
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  printed += text;
  if (!printed.endsWith('\n')) return;
  const { gateway } = JSON.parse(printed) as { gateway: string };
  const lines = [
    `export PATH=${shellWord(sourceBins())}:"$PATH"`,
    `export PCRS_GATEWAY=${gateway} PCRS_USERNAME=demo PCRS_PASSWORD=demo PCRS_STATE_DIR=${shellWord(state)}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.stderr.write('paste these lines into another shell; Ctrl-C ends the simulator\n');
});
child.on('exit', (status, signal) => {
  rmSync(state, { recursive: true, force: true });
  const interrupted = signal === 'SIGINT' || status === 130 || status === 143;
  process.exitCode = interrupted ? 0 : (status ?? 1);
});

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
