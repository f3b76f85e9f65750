// All that CI does: lint and format, types, build, the bundle, tests. The tests come last, so that their count ends
// stdout.
import { readFileSync } from 'node:fs';
import { root, runProgram } from './run-program.ts';

const { packageManager } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

// turbo needs the package manager on PATH; npx puts it there.
const steps: [string, string, ...string[]][] = [
  ['lint and format', 'biome', 'check', '--error-on-warnings', '.'],
  ['scanner as its source has it', 'node', 'packages/pcrs-json/scripts/build-scan.ts', '--check'],
  ['types', 'tsc', '-p', 'tsconfig.check.json'],
  ['build', 'npx', '--yes', packageManager, 'run', 'build'],
  ['bundle', 'node', 'scripts/bundle-check.ts'],
  ['tests', 'node', 'scripts/run-tests.ts'],
];

const failed: string[] = [];
for (const [name, command, ...args] of steps) {
  tell(`${name}: ${[command, ...args].join(' ')}`);
  const startedAt = performance.now();
  const status = await runProgram(command, args, { shell: process.platform === 'win32' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  tell(`${name}: ${status === 0 ? 'good' : 'FAILED'} in ${seconds} s`);
  if (status !== 0) failed.push(name);
  if (status > 128) break;
}
if (failed.length > 0) {
  tell(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

function tell(what: string): void {
  process.stderr.write(`check: ${what}\n`);
}
