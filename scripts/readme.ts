// Writes the generated parts of the READMEs and the pages in docs: flag tables from the tools, and under each `sh`
// block its output, if a `text` block follows. `git diff` then shows what changed. Arguments choose pages:
// `pcrs-auth`, or the start of a path, like `docs/`.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePlace } from '../test/support/programs.ts';
import { lasting, runBlocks, runPage, shellBlocks } from '../test/support/readme-blocks.ts';
import { generatedReadmes } from './flag-tables.ts';
import { root } from './run-program.ts';

type Ran = ReturnType<typeof runBlocks>;

const chosen = process.argv.slice(2);
const pages = (...patterns: string[]): string[] => globSync(patterns, { cwd: root }).filter(isChosen).sort();

for (const { path, text, wanted } of await generatedReadmes()) if (isChosen(path)) write(path, text, wanted);

const place = await makePlace('readme');
try {
  for (const path of pages('README.md', 'packages/*/README.md')) {
    const text = readFileSync(join(root, path), 'utf8');
    write(path, text, await withOutputs(path, text, runBlocks(shellBlocks(text), place)));
  }
  for (const path of pages('docs/*.md')) {
    const text = readFileSync(join(root, path), 'utf8');
    write(path, text, await withOutputs(path, text, runPage(text, place)));
  }
} finally {
  await place.close();
}

function isChosen(path: string): boolean {
  return (
    chosen.length === 0 || chosen.some((one) => path.startsWith(one) || path.startsWith(`packages/${one}/`))
  );
}

async function withOutputs(path: string, text: string, ran: Ran): Promise<string> {
  const parts: string[] = [];
  let from = 0;
  for await (const { block, ended } of ran) {
    if (ended.status !== 0) {
      process.stderr.write(`${path}:${block.line} ended ${ended.status}: ${ended.stderr}`);
      continue;
    }
    const { output, outputAt } = block;
    if (output === undefined || lasting(output) === lasting(ended.stdout)) continue;
    parts.push(text.slice(from, outputAt), ended.stdout);
    from = outputAt + output.length;
  }
  return [...parts, text.slice(from)].join('');
}

function write(path: string, text: string, wanted: string): void {
  if (text === wanted) return;
  writeFileSync(join(root, path), wanted);
  process.stdout.write(`written: ${path}\n`);
}
