// Runs tests from source, without a build. Arguments: packages (`pcrs-hostids`), `test` for those across packages,
// its folders (`faults`) or files; flags go to node's test runner. Default: all tests.
import { globSync, statSync } from 'node:fs';
import { root, runProgram } from './run-program.ts';

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith('-'));
const asked = args.filter((arg) => !arg.startsWith('-'));

const patterns =
  asked.length === 0 ? ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'] : asked.map(pattern);
const files = patterns.flatMap((one) => globSync(one, { cwd: root })).sort();
if (files.length === 0) {
  process.stderr.write(`no test matches ${asked.join(' ')}; name a package, test, or a file\n`);
  process.exitCode = 2;
} else {
  const runner = ['--test', '--test-concurrency=2', '--test-timeout=240000', '--test-reporter=spec'];
  const node = ['--conditions=pcrs-source', ...runner, ...flags, ...files];
  process.exitCode = await runProgram(process.execPath, node);
}

/** A package, a folder of `test`, a folder, a file or a pattern of files. */
function pattern(name: string): string {
  const folders = [`packages/${name}/src`, `test/${name}`, name];
  const folder = folders.find((one) => statSync(`${root}/${one}`, { throwIfNoEntry: false })?.isDirectory());
  return folder === undefined ? name : `${folder}/**/*.test.ts`;
}
