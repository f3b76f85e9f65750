// Runs the commands in the docs, each section alone, in a copy of what the blocks before the first section made; and
// checks that their programs equal docs/examples, letter for letter.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { root } from '../scripts/run-program.ts';
import { missing } from './support/on-path.ts';
import { openPlace } from './support/open-place.ts';
import {
  copyOf,
  guestsOf,
  lasting,
  runBlocks,
  type ShellBlock,
  sectionsOf,
} from './support/readme-blocks.ts';

const place = await openPlace('docs');

for (const path of globSync('docs/*.md', { cwd: root }).sort()) {
  const page = sectionsOf(readFileSync(join(root, path), 'utf8'));
  suite(path, { concurrency: 2 }, () => {
    const start = place.folder();
    before(() => runAll(path, page.before, start));
    for (const { title, blocks } of page.sections) {
      if (blocks.length === 0) continue;
      test(`${path} shows commands that run: ${title}`, { skip: absent(blocks) }, async () => {
        await runAll(path, blocks, copyOf(start, place));
      });
    }
  });
}

async function runAll(path: string, blocks: readonly ShellBlock[], cwd: string): Promise<void> {
  for await (const { block, ended } of runBlocks(blocks, place, cwd)) {
    const { line, script, output } = block;
    assert.equal(ended.status, 0, `${path}:${line} ended ${ended.status}\n${script}${ended.stderr}`);
    if (output !== undefined) assert.equal(lasting(ended.stdout), lasting(output), `${path}:${line} prints`);
  }
}

/** Programs that a section needs and that are not installed; psql needs a server too. */
function absent(blocks: readonly ShellBlock[]): string | false {
  const guests = new Set(blocks.flatMap(({ script }) => guestsOf(script)));
  if (guests.has('psql') && !process.env['PGHOST']) return 'psql: PGHOST names no server';
  return missing(...guests);
}

test('docs/a-new-sink.md shows exactly the sink that pnpm new makes', () => {
  const page = readFileSync(join(root, 'docs/a-new-sink.md'), 'utf8');
  for (const file of ['index.ts', 'cli.ts']) {
    const text = readFileSync(join(root, 'scripts/new-tool/sink', file), 'utf8');
    assert.ok(page.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${file} is not in docs/a-new-sink.md as it is`);
  }
});

const examples = globSync('docs/examples/*.ts', { cwd: root }).sort();

test('docs/embedding.md shows each example as it is', () => {
  const page = readFileSync(join(root, 'docs/embedding.md'), 'utf8');
  for (const path of examples) {
    const text = readFileSync(join(root, path), 'utf8');
    assert.ok(page.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${path} is not in docs/embedding.md as it is`);
  }
});
