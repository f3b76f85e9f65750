// `npm run demo`: builds the packages, and runs `pcrs demo` in ./demo, made new each time.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, runProgram } from './run-program.ts';

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const build = ['--yes', packageManager, 'run', 'build', '--output-logs=errors-only'];
process.exitCode = await runProgram('npx', build, { shell: process.platform === 'win32' });
if (process.exitCode === 0) {
  rmSync(join(root, 'demo'), { recursive: true, force: true });
  process.exitCode = await runProgram(process.execPath, [
    join(root, 'packages/pcrs/bin/pcrs.js'),
    'demo',
    'demo',
  ]);
}
