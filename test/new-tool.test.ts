import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { root } from '../scripts/run-program.ts';
import { sourceEnvironment } from '../scripts/source-bins.ts';
import { run } from './support/programs.ts';

test('pnpm new makes a tool that passes its own tests and the house test', async () => {
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
    const options = { cwd: copy, env: sourceEnvironment() };

    const made = await run(
      process.execPath,
      ['scripts/new.ts', 'pcrs-thing', "does the user's thing.", '--no-install'],
      options,
    );
    assert.deepEqual([made.status, made.stderr], [0, '']);
    const again = await run(process.execPath, ['scripts/new.ts', 'pcrs-thing'], options);
    assert.equal(again.status, 2);

    const tested = await run(process.execPath, [...tests, 'packages/pcrs-thing/src/index.test.ts'], options);
    assert.equal(tested.status, 0, tested.stdout);
    // The house test's results for other packages are the same with and without the new one.
    const house = [...tests, '--test-reporter=tap', 'test/house.test.ts'];
    const before = await run(process.execPath, house, { ...options, cwd: root });
    const after = await run(process.execPath, house, options);
    assert.deepEqual(failing(after.stdout), failing(before.stdout), after.stdout);

    const bin = ['--conditions=pcrs-source', 'packages/pcrs-thing/bin/pcrs-thing.js'];
    const record = '{"kind":"policy","id":1}\n';
    const ran = await run(process.execPath, bin, { ...options, input: record });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, record, '']);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

const tests = ['--conditions=pcrs-source', '--test'];

function failing(tap: string): string[] {
  return [...tap.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name]) => name!);
}
