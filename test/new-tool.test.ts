import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { root } from '../scripts/run-program.ts';
import { sourceEnvironment } from '../scripts/source-bins.ts';
import { run } from './support/programs.ts';

const record = '{"kind":"policy","id":1}\n';
const posture = '{"kind":"posture","hostId":7,"controlId":8,"status":"Failed"}\n';

/** A tool of each kind, with its input and output. */
const tools = [
  { name: 'pcrs-thing', kind: 'stage', argv: [], input: record, prints: /^{"kind":"policy","id":1}\n$/ },
  { name: 'pcrs-to-thing', kind: 'sink', argv: [], input: posture, prints: /^\["7","8","Failed",null\]\n$/ },
  {
    ...{ name: 'pcrs-from-thing', kind: 'source', argv: ['policies.json'], input: '' },
    prints:
      /^{"kind":"session".*\n{"kind":"start".*\n{"kind":"policy","id":1}\n{"kind":"end".*"ok":true.*\n$/,
  },
];

test('pnpm new makes a stage, a sink and a source that pass their own tests and the house test', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'pcrs-new-'));
  try {
    const left = ['node_modules', 'dist', '.git', '.turbo', 'demo', 'cases'];
    for (const folder of ['packages', 'scripts', 'test', '.changeset'])
      cpSync(join(root, folder), join(copy, folder), {
        recursive: true,
        filter: (from) => !left.includes(basename(from)),
      });
    for (const file of ['package.json', 'LICENSE', 'pnpm-lock.yaml'])
      cpSync(join(root, file), join(copy, file));
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    mkdirSync(join(copy, 'test', 'cases'));
    writeFileSync(join(copy, 'policies.json'), '[{"id":1}]');
    const options = { cwd: copy, env: sourceEnvironment() };
    const make = (...argv: string[]) => run(process.execPath, ['scripts/new.ts', ...argv], options);

    for (const { name, kind } of tools) {
      const made = await make(name, '--kind', kind, "does the user's thing.", '--no-install');
      assert.deepEqual([made.status, made.stderr], [0, '']);
    }
    assert.equal((await make('pcrs-thing')).status, 2);
    assert.equal((await make('pcrs-other', '--kind', 'nothing')).status, 2);

    const own = tools.map(({ name }) => `packages/${name}/src/index.test.ts`);
    const tested = await run(process.execPath, [...tests, ...own], options);
    assert.equal(tested.status, 0, tested.stdout);
    // The house test's results for other packages are the same with and without the new ones.
    const quick = ['--test-skip-pattern=old Node', '--test-reporter=tap'];
    const house = [...tests, ...quick, 'test/house.test.ts'];
    const before = await run(process.execPath, house, { ...options, cwd: root });
    const after = await run(process.execPath, house, options);
    assert.deepEqual(failing(after.stdout), failing(before.stdout), after.stdout);

    for (const { name, argv, input, prints } of tools) {
      const bin = ['--conditions=pcrs-source', `packages/${name}/bin/${name}.js`, ...argv];
      const ran = await run(process.execPath, bin, { ...options, input });
      assert.deepEqual([ran.status, ran.stderr], [0, '']);
      assert.match(ran.stdout, prints);
      const help = await run(process.execPath, [...bin.slice(0, 2), '--help'], options);
      assert.match(help.stdout, /does the user's thing\./);
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
});

const tests = ['--conditions=pcrs-source', '--test'];

function failing(tap: string): string[] {
  return [...tap.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name]) => name!);
}
