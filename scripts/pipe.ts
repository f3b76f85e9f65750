// Runs the whole pipe from source: against PCRS_GATEWAY if it is set (pnpm sim prints how), else against its own
// simulator. The records go to stdout, and nothing is stored.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulator } from 'pcrs-simulator';
import { runProgram } from './run-program.ts';
import { sourceEnvironment } from './source-bins.ts';

const line = 'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence';
const ours = Object.entries(process.env).filter(([name]) => name.startsWith('PCRS_'));

if (process.env['PCRS_GATEWAY'])
  process.exitCode = await pipe(Object.fromEntries(ours) as Record<string, string>);
else await againstOurOwn();

async function againstOurOwn(): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), 'pcrs-pipe-'));
  const simulator = await startSimulator({ rateLimit: 'off' });
  try {
    process.exitCode = await pipe({
      PCRS_GATEWAY: simulator.gateway,
      PCRS_USERNAME: 'demo',
      PCRS_PASSWORD: 'demo',
      PCRS_STATE_DIR: state,
      PCRS_RATE: '1000/1',
    });
  } finally {
    await simulator.close();
    rmSync(state, { recursive: true, force: true });
  }
}

function pipe(variables: Record<string, string>): Promise<number> {
  process.stderr.write(`${line}  # ${variables['PCRS_GATEWAY']}\n`);
  return runProgram('bash', ['-o', 'pipefail', '-c', line], {
    env: sourceEnvironment(variables),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
