// Runs the commands in the READMEs, and compares their flag tables with the tools'.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { generatedReadmes } from '../scripts/flag-tables.ts';
import { root } from '../scripts/run-program.ts';
import { missing } from './support/on-path.ts';
import { openPlace } from './support/open-place.ts';
import { guestsOf, lasting, runBlocks, shellBlocks } from './support/readme-blocks.ts';

// The simulator without a flag: what a reader gets who tries the same.
const place = await openPlace('readme');

const readmes = globSync(['README.md', 'packages/*/README.md'], { cwd: root }).sort();

suite('READMEs', { concurrency: 2 }, () => {
  for (const path of readmes) {
    const blocks = shellBlocks(readFileSync(join(root, path), 'utf8'));
    const skip = missing(...new Set(blocks.flatMap(({ script }) => guestsOf(script))));
    test(`${path} shows commands that run`, { skip: blocks.length > 0 && skip }, async () => {
      for await (const { block, ended } of runBlocks(blocks, place)) {
        const { line, script, output } = block;
        assert.equal(ended.status, 0, `${path}:${line} ended ${ended.status}\n${script}${ended.stderr}`);
        if (output !== undefined)
          assert.equal(lasting(ended.stdout), lasting(output), `${path}:${line} prints`);
      }
    });
  }
});

test('the flag tables are those of the tools (pnpm readme writes them)', async () => {
  for (const { path, text, wanted } of await generatedReadmes()) assert.equal(text, wanted, path);
});
