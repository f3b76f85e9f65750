import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toolList, toolSentences } from './index.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

test('lists exactly the tools whose bins it provides', async () => {
  const names = (await toolSentences()).map(({ name }) => name);
  assert.deepEqual(
    names.toSorted(),
    Object.keys(manifest.bin)
      .filter((name) => name !== 'pcrs')
      .sort(),
  );
});

test('gives each tool one line, with the sentences aligned', () => {
  const tools = [
    { name: 'pcrs-a', summary: 'does this.' },
    { name: 'pcrs-long', summary: 'does that.' },
  ];
  assert.equal(toolList(tools), 'pcrs-a     does this.\npcrs-long  does that.\n');
});
